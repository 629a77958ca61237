//! What `load` says about categories without a folder, and about trees that look one level off.

use insta::assert_snapshot;

use super::studio;
use crate::studio::Studio;

/// Returns the notices of a load.
fn notices(studio: &Studio) -> String {
    let load = studio.json(&["load"]).document();
    let notices = load["notices"].as_array().unwrap().iter();
    let notices: Vec<_> = notices.map(|notice| notice.as_str().unwrap()).collect();
    notices.join("\n")
}

#[test]
fn mistyped_folder_suggests_the_real_one() {
    let studio = studio(&["fotage", "delivery"]);
    studio
        .file("WORK/footage/acme/spot/a.mov", "a")
        .file("NAS/footage/acme/spot/a.mov", "a");
    assert_snapshot!(notices(&studio), @"
    category `c0`: no scanned storage has the folder `fotage/`; did you mean `add category c0 footage --replace`?
    category `c1`: no scanned storage has the folder `delivery/`; folders of no category are `footage/`
    ");
    let corrected = studio.json(&["add category c0 footage --replace", "load"]);
    assert_eq!(corrected.document()["databases"][0]["files"], 1);
}

#[test]
fn folder_on_one_storage_is_enough() {
    let studio = studio(&["footage", "render"]);
    studio
        .file("WORK/footage/acme/spot/a.mov", "a")
        .file("NAS/render/acme/spot/a.exr", "a")
        .file("NAS/renders/x", "x");
    assert_eq!(notices(&studio), "");
}

#[test]
fn kinds_in_projects_suggest_placeholders() {
    let studio = studio(&["footage"]);
    studio
        .file("WORK/acme/spot/footage/a.mov", "a")
        .file("WORK/zoo/film/footage/b.mov", "b");
    assert_snapshot!(notices(&studio), @"category `c0`: no scanned storage has the folder `footage/`, but `acme/spot/footage/` is there: `add category c0 {client}/{project}/footage --replace`");
}

#[test]
fn mistyped_kind_suggests_the_real_one() {
    let studio = studio(&["{client}/{project}/fotage"]);
    studio.file("WORK/acme/spot/footage/a.mov", "a");
    assert_snapshot!(notices(&studio), @"category `c0`: no scanned storage has the folder `{client}/{project}/fotage/`; did you mean `add category c0 {client}/{project}/footage --replace`?");
}

#[test]
fn client_taken_for_category_is_one_level_off() {
    let studio = studio(&["footage/acme"]);
    for project in ["spot", "film"] {
        studio
            .file(format!("WORK/footage/acme/{project}/plates/a.exr"), "a")
            .file(format!("WORK/footage/acme/{project}/comp/b.exr"), "b");
    }
    studio.file("WORK/footage/zoo/jingle/plates/c.exr", "c");
    assert_snapshot!(notices(&studio), @"category `c0` looks one level too deep on WORK: `footage/acme/` looks like one client of `footage/`: `add category c0 footage --replace`");
}

#[test]
fn studio_without_clients_is_one_level_off() {
    let studio = studio(&["footage"]);
    for project in ["spot", "film", "jingle"] {
        studio
            .file(format!("WORK/footage/{project}/edit.mov"), "a")
            .file(format!("WORK/footage/{project}/plates/sh010.0001.exr"), "b");
    }
    assert_snapshot!(notices(&studio), @"category `c0` looks one level off on WORK: 3 of 3 client folders have media files beside their projects; if the studio has no client folders: `add category c0 footage/{project} --replace`");
}

#[test]
fn ordinary_studios_get_no_notice() {
    let tidy = studio(&["footage", "scratch/render"]);
    for client in ["acme", "zoo", "Bob's"] {
        for project in ["spot", "film"] {
            tidy.file(
                format!("WORK/footage/{client}/{project}/plates/a.0001.exr"),
                "a",
            )
            .file(format!("WORK/scratch/render/{client}/{project}/b.exr"), "b");
        }
    }
    tidy.file("WORK/footage/acme/brief.pdf", "brief")
        .file("WORK/footage/zoo/contract.docx", "contract")
        .file("WORK/footage/acme/showreel.mov", "reel")
        .file("WORK/documents/2026/offer.pdf", "offer")
        .file("WORK/footage/index.txt", "index");
    assert_eq!(notices(&tidy), "");
    let kinds = studio(&["{client}/{project}/footage", "{client}/{project}/render"]);
    kinds
        .file("WORK/acme/spot/footage/a", "a")
        .file("WORK/acme/spot/render/b", "b")
        .file("WORK/acme/spot/edit.mov", "e")
        .file("WORK/documents/offer.pdf", "o");
    assert_eq!(notices(&kinds), "");
    assert_eq!(notices(&studio(&["footage", "render"])), "");
}

#[test]
fn offline_storage_may_hold_the_category() {
    let studio = studio(&["footage"]);
    studio.file("NAS/footage/acme/spot/a.mov", "a");
    studio.lines(&["load"]).status(0);
    studio
        .file("WORK/footages/acme/spot/a.mov", "a")
        .remove("NAS");
    assert_eq!(notices(&studio), "");
}

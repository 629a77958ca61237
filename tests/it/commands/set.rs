//! `set`.

use insta::assert_snapshot;

use crate::studio::Studio;

#[test]
fn settings_are_listed_with_allowed_values() {
    let studio = Studio::bare();
    assert_snapshot!(studio.lines(&["set", "set jobs"]).ok(), @"
    exit 0
    --- stdout
    ┌──────────────┬───────┬────────────────────────────────┬────────────────────────────────────────────────────────────────────────────┐
    │ setting      ┆ value ┆ accepts                        ┆ purpose                                                                    │
    ╞══════════════╪═══════╪════════════════════════════════╪════════════════════════════════════════════════════════════════════════════╡
    │ format       ┆ table ┆ table, plain, csv, json        ┆ format of answers                                                          │
    │ color        ┆ auto  ┆ auto, always, never            ┆ color in output                                                            │
    │ pager        ┆ on    ┆ on, off                        ┆ page answers longer than the screen through $PAGER, at the prompt          │
    │ hints        ┆ on    ┆ on, off                        ┆ gray hints at the prompt                                                   │
    │ verify       ┆ on    ┆ on, off                        ┆ read copies back and compare them with the source                          │
    │ jobs         ┆ auto  ┆ auto, 1 to 64                  ┆ threads on each disk                                                       │
    │ polite       ┆ off   ┆ on, off                        ┆ scan slowly while other programs use the disk                              │
    │ confirm      ┆ on    ┆ on, off                        ┆ ask before files are replaced, at the prompt                               │
    │ housekeeping ┆ on    ┆ on, off                        ┆ skip files that storages and desktops keep for themselves                  │
    │ publish      ┆ off   ┆ on, off                        ┆ write what is known of a storage to the storage, for other workstations    │
    │ catalog      ┆ off   ┆ off, postgres://USER@HOST/NAME ┆ PostgreSQL server through which workstations share what they know          │
    │ rclone       ┆ auto  ┆ auto, the path of the program  ┆ the program behind storages like s3:bucket/studio; auto is the one on PATH │
    └──────────────┴───────┴────────────────────────────────┴────────────────────────────────────────────────────────────────────────────┘
    ┌─────────┬───────┬───────────────┬──────────────────────┐
    │ setting ┆ value ┆ accepts       ┆ purpose              │
    ╞═════════╪═══════╪═══════════════╪══════════════════════╡
    │ jobs    ┆ auto  ┆ auto, 1 to 64 ┆ threads on each disk │
    └─────────┴───────┴───────────────┴──────────────────────┘
    ");
    let document = studio.json(&["set jobs 4", "set"]).ok().document();
    assert_eq!(document["settings"][5]["value"], "4");
    assert_eq!(document["settings"].as_array().unwrap().len(), 12);
}

#[test]
fn setting_applies_to_later_lines() {
    let studio = Studio::new();
    let text =
        "list categories\nset format plain\nlist categories\nset format json\nlist categories\n";
    assert_snapshot!(studio.script(text).ok(), @r#"
    exit 0
    --- stdout
    category  path
    footage   footage
    render    scratch/render
    2 categories, 0 files, 0 B
    format	plain	table, plain, csv, json
    footage	footage							
    render	scratch/render							
    {"command":"set","settings":[{"name":"format","value":"json","values":"table, plain, csv, json"}]}
    {"command":"list","categories":[{"name":"footage","path":"footage","mhl":null,"projects":0,"files":0,"bytes":0,"copies":null,"newest":null,"scanned_at":null},{"name":"render","path":"scratch/render","mhl":null,"projects":0,"files":0,"bytes":0,"copies":null,"newest":null,"scanned_at":null}],"found":2,"total":{"projects":0,"files":0,"bytes":0,"copies":null,"newest":null,"scanned_at":null}}
    "#);
    let text = "set color always\nlod\n";
    assert!(
        studio
            .script(text)
            .status(2)
            .stderr
            .contains("\u{1b}[31merror")
    );
}

#[test]
fn lines_override_options_override_startup_file() {
    let studio = Studio::new();
    let file = "home/.config/auto-backup/.config";
    studio.file(file, studio.read(file) + "set format csv\nset jobs 2\n");
    let heading =
        |run: crate::studio::ProgramRun| run.ok().stdout.lines().next().unwrap().to_owned();
    let csv = heading(studio.lines(&["list categories"]));
    assert!(csv.starts_with("category,path,"), "{csv}");
    let plain = ["--format", "plain", "-c", "list categories"];
    let plain = heading(studio.run(plain));
    assert!(plain.starts_with("footage\tfootage\t"), "{plain}");
    let lines = [
        "--format",
        "plain",
        "-c",
        "set format csv",
        "-c",
        "list categories",
    ];
    let run = studio.run(lines).ok();
    let csv = run.stdout.lines().nth(2).unwrap();
    assert!(csv.starts_with("category,path,"), "{csv}");
    assert!(studio.lines(&["set jobs"]).ok().stdout.contains("jobs,2"));
}

#[test]
fn invalid_values_are_reported() {
    let studio = Studio::bare();
    studio.file(
        "script.ab",
        "set hint off\nset color blue\nset jobs 0\nset jobs off on\nset verify -- x\n",
    );
    assert_snapshot!(studio.run(["--keep-going", "script.ab"]).status(2), @"
    exit 2
    --- stderr
    script.ab:1:5: error: unknown setting `hint`
        set hint off
            ^^^^
    hint: did you mean `hints`?
    script.ab:2:11: error: `blue` cannot be the value of `color`
        set color blue
                  ^^^^
    hint: it takes auto, always, never
    script.ab:3:10: error: `0` cannot be the value of `jobs`
        set jobs 0
                 ^
    hint: it takes auto, 1 to 64
    script.ab:4:14: error: unexpected argument `on`
        set jobs off on
                     ^^
    hint: write it as: set [SETTING] [VALUE] [-- ARGUMENT...]; quote a name with spaces: 'off on'
    script.ab:5:16: error: `SETTING` and `ARGUMENT` cannot be used together
        set verify -- x
                       ^
    hint: leave one of them out
    5 of 5 commands failed: script.ab:1, 2, 3, 4, 5
    ");
}

#[test]
fn verify_off_skips_reading_back() {
    let studio = Studio::filled();
    let verified = |lines: &[&str]| studio.json(lines).ok().document()["verified_files"].clone();
    let copy = |project: &str| format!("copy {project} footage WORK NAS");
    assert_eq!(verified(&["set verify off", &copy("acme/spot")]), 0);
    let asked = copy("acme/teaser") + " --verify";
    assert_eq!(verified(&["set verify off", &asked]), 1);
    assert_eq!(verified(&["set jobs 1", &copy("Bob's")]), 1);
    let both = asked + " --no-verify";
    let refused = studio.lines(&[&both]).status(2);
    assert!(
        refused.stderr.contains("cannot be used together"),
        "{refused}"
    );
}

#[test]
fn wrong_address_of_a_catalog_is_pointed_at() {
    let studio = Studio::new();
    assert_snapshot!(studio.lines(&["set catalog foo"]), @r"
    exit 2
    --- stderr
    -c:1:13: error: `foo` cannot be the address of a catalog: it does not begin with `postgres://`
        set catalog foo
                    ^^^
    hint: write it as `postgres://user@host/name`
    ");
}

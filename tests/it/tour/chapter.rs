//! The typed lines of each chapter of the tour, in order.

use std::fs;

use super::screen::TourScreen;
use super::tour_studio::TourStudio;

/// Columns of the terminal, enough for the longest line.
const WIDE: u16 = 122;

/// Plays a chapter.
pub(super) type Chapter = fn(&TourStudio) -> TourScreen<'_>;

/// The first chapter; the others come when the studio has its other storages too.
pub(super) const FIRST: (&str, Chapter) = ("first", first);

pub(super) const OTHERS: [(&str, Chapter); 10] = [
    ("where", where_it_is),
    ("tab", tab),
    ("copy", copy),
    ("cloud", cloud),
    ("shelf", shelf),
    ("mistakes", mistakes),
    ("script", script),
    ("narrow", narrow),
    ("accessible", accessible),
    ("pipe", pipe),
];

/// A prompt in the studio without the history of other chapters, on an empty screen.
fn prompt(place: &TourStudio, columns: u16) -> TourScreen<'_> {
    place.studio.remove(".local/state/auto-backup/history");
    let mut screen = TourScreen::open(place, columns);
    screen
        .run("auto-backup")
        .until_names_are_known("acme/spot")
        .clear();
    screen
}

fn first(place: &TourStudio) -> TourScreen<'_> {
    let mut screen = TourScreen::open(place, WIDE);
    screen
        .run("auto-backup")
        .run("add database WORK ~/productions")
        .run("add category footage footage/")
        .run("load")
        .run("fetch project acme/spot")
        .run("save");
    screen
}

fn where_it_is(place: &TourStudio) -> TourScreen<'_> {
    let mut screen = prompt(place, WIDE);
    screen.run("fetch client acme");
    screen
}

fn tab(place: &TourStudio) -> TourScreen<'_> {
    let mut screen = prompt(place, WIDE);
    let line = "auto-backup> fetch project \"Bob's Diner/menu film\" ";
    screen.press("fet\tproj\tmenu\t").until_line(line, "");
    screen.run("");
    screen.press("copy acme/\t\t\t");
    screen.until_menu("auto-backup> copy acme/", "> acme/teaser");
    screen
}

/// The screen of the picture.
pub(super) fn picture(place: &TourStudio, columns: u16) -> TourScreen<'_> {
    let mut screen = prompt(place, columns);
    let line = "auto-backup> copy \"Bob's Diner/menu film\" footage WORK --checksum";
    screen
        .run("list projects --sort size")
        .run("fetch project acme/teaser")
        .run("copy acme/teaser footage WORK NSA")
        .press(line.trim_start_matches("auto-backup> "))
        .until_line(line, " TO[,TO...]");
    screen
}

fn copy(place: &TourStudio) -> TourScreen<'_> {
    let mut screen = prompt(place, WIDE);
    screen
        .run("compare acme/teaser WORK NAS")
        .press("copy acme/teaser footage WORK NAS\r")
        .until_asked("[y/N/l to list]")
        .run("y");
    screen
}

fn cloud(place: &TourStudio) -> TourScreen<'_> {
    let mut screen = prompt(place, WIDE);
    screen
        .run("add database CLOUD cloud:productions")
        .run("sync acme all WORK CLOUD --count")
        .run("sync acme all WORK CLOUD");
    let edit = "productions/footage/acme/teaser/edit";
    let called = |end: &str| place.studio.path(format!("{edit}{end}.mov"));
    fs::rename(called(""), called(" final")).unwrap();
    screen
        .run("sync acme all WORK CLOUD")
        .run("fetch project acme/teaser");
    fs::rename(called(" final"), called("")).unwrap();
    place.run_hidden("load WORK --project acme/teaser").ok();
    screen
}

fn shelf(place: &TourStudio) -> TourScreen<'_> {
    let mut screen = prompt(place, WIDE);
    screen
        .run("list projects --sort size")
        .run("find 'sh0*.exr' in SHELF")
        .run("find titles.mov");
    screen
}

fn mistakes(place: &TourStudio) -> TourScreen<'_> {
    let mut screen = prompt(place, WIDE);
    screen
        .run("copy acme/spot footage WORK NSA")
        .run("fetch project acme/sopt")
        .run("copy acme/spot footage WORK SHELF");
    screen
}

fn script(place: &TourStudio) -> TourScreen<'_> {
    let text = "# Brings a project to the NAS and to the drive: auto-backup bring.ab PROJECT\n\
                copy $1 footage WORK NAS\n\
                copy $1 footage WORK SHELF\n\
                copy $1 render WORK NAS\n";
    place.studio.file("bring.ab", text);
    let mut screen = TourScreen::open(place, WIDE);
    screen
        .run("cat bring.ab")
        .run("auto-backup --dry-run bring.ab \"Bob's Diner/menu film\"")
        .run("auto-backup --keep-going bring.ab \"Bob's Diner/menu film\"");
    screen
}

fn narrow(place: &TourStudio) -> TourScreen<'_> {
    let mut screen = prompt(place, 40);
    screen.run("fetch project acme/teaser");
    screen
}

fn accessible(place: &TourStudio) -> TourScreen<'_> {
    let mut screen = TourScreen::open(place, WIDE);
    screen
        .run("auto-backup --accessible")
        .run("fetch project acme/teaser");
    screen
}

fn pipe(place: &TourStudio) -> TourScreen<'_> {
    let mut screen = TourScreen::open(place, WIDE);
    screen
        .run("auto-backup --format plain -c 'fetch all' | cut -f 1,2,3,5 | grep incomplete")
        .run("auto-backup --format json -c 'fetch all' | tr , '\\n' | grep -c '\"state\":\"missing\"'");
    screen
}

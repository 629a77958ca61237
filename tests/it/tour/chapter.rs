//! The typed lines of each chapter of the tour, in order.

use std::fs;

use super::screen::TourScreen;
use super::tour_studio::{TourStudio, demo_folder};

/// Columns of the terminal.
const COLUMNS: u16 = 80;

/// A part of the tour that is typed in one terminal.
pub(super) type Act = fn(&TourStudio) -> Vec<Screen>;

/// The name of a screen in docs/tour.md, and its text.
pub(super) type Screen = (&'static str, String);

pub(super) const ACTS: [Act; 8] = [
    first_start,
    prompt,
    trust,
    card,
    script,
    narrow,
    accessible,
    pipe,
];

/// Plays a chapter in a terminal that shows it, and takes its screen.
fn play(
    name: &'static str,
    screen: &mut TourScreen,
    chapter: impl FnOnce(&mut TourScreen),
) -> Screen {
    chapter(screen);
    let text = screen.text();
    screen.press("\u{15}").clear();
    (name, text)
}

/// Plays an act of one chapter in a terminal of its own.
fn play_alone(
    place: &TourStudio,
    columns: u16,
    name: &'static str,
    chapter: impl FnOnce(&mut TourScreen),
) -> Vec<Screen> {
    let mut screen = TourScreen::open(place, columns);
    chapter(&mut screen);
    let text = screen.text();
    screen.leave();
    vec![(name, text)]
}

fn first_start(place: &TourStudio) -> Vec<Screen> {
    play_alone(place, COLUMNS, "first", |screen| {
        screen
            .run("auto-backup --demo --no-config")
            .run("add database WORK ~/productions")
            .run("add category footage footage/")
            .run("load")
            .run("fetch acme/spot");
    })
}

/// The chapters at the prompt of one demo.
fn prompt(place: &TourStudio) -> Vec<Screen> {
    let mut screen = TourScreen::open(place, COLUMNS);
    screen.run("auto-backup --demo");
    let studio = demo_folder(&screen.raw_text());
    let mut screens = vec![play("where", &mut screen, where_it_is)];
    screen.until_names_are_known("acme/spot").clear();
    screens.push(play("tab", &mut screen, tab));
    screens.push(play("copy", &mut screen, copy));
    screens.push(play("cloud", &mut screen, |screen| cloud(screen, &studio)));
    screens.push(play("shelf", &mut screen, shelf));
    screens.push(play("mistakes", &mut screen, mistakes));
    screen.leave();
    screens
}

fn where_it_is(screen: &mut TourScreen) {
    screen.run("fetch all").run("fetch acme/spot");
}

fn tab(screen: &mut TourScreen) {
    let line = "auto-backup> fetch \"Bob's Diner/menu film\" ";
    screen.press("fet\tmenu\t").until_line(line, "");
    screen.run("");
    screen.press("copy acme/\t\t\t");
    screen.until_menu("auto-backup> copy acme/", "> acme/teaser");
}

/// Shows the screen of the picture.
pub(super) fn picture(place: &TourStudio, columns: u16) -> TourScreen {
    let mut screen = TourScreen::open(place, columns);
    let line = "auto-backup> copy \"Bob's Diner/menu film\" footage WORK --checksum";
    screen
        .run("auto-backup --demo")
        .until_names_are_known("acme/spot")
        .clear()
        .run("list projects --sort size")
        .run("fetch acme/teaser")
        .run("copy acme/teaser footage WORK NSA")
        .press(line.trim_start_matches("auto-backup> "))
        .until_line(line, " TO[,TO...]");
    screen
}

fn copy(screen: &mut TourScreen) {
    screen
        .run("compare acme/teaser WORK NAS")
        .press("copy acme/teaser footage WORK NAS\r")
        .until_asked("[y/N/l to list]")
        .run("y");
}

fn cloud(screen: &mut TourScreen, studio: &std::path::Path) {
    screen
        .run("add database CLOUD cloud:productions")
        .run("sync acme all WORK CLOUD --count")
        .run("sync acme all WORK CLOUD");
    let teaser = studio.join("productions/footage/acme/teaser");
    fs::rename(teaser.join("edit.mov"), teaser.join("edit final.mov")).unwrap();
    screen
        .run("sync acme all WORK CLOUD")
        .run("fetch acme/teaser");
}

fn shelf(screen: &mut TourScreen) {
    screen
        .run("list projects --sort size")
        .run("find 'sh0*.exr' in SHELF")
        .run("find titles.mov")
        .run("find '*' only on SHELF larger 100k")
        .run("duplicates");
}

fn mistakes(screen: &mut TourScreen) {
    screen
        .run("copy acme/spot footage WORK NSA")
        .run("fetch acme/sopt")
        .run("copy acme/spot footage WORK SHELF");
}

/// Proof, and what it allows, in a demo of its own.
fn trust(place: &TourStudio) -> Vec<Screen> {
    let mut screen = TourScreen::open(place, COLUMNS);
    let screens = vec![
        play("trust", &mut screen, |screen| {
            screen
                .run("auto-backup --demo")
                .run("status acme/spot")
                .run("copy acme/spot footage WORK NAS")
                .run("policy footage copies 1")
                .run("safe acme/spot footage on WORK");
        }),
        play("free", &mut screen, |screen| {
            screen
                .run("verify acme/spot footage in NAS,WORK")
                .run("safe acme/spot footage on WORK")
                .press("free acme/spot footage WORK\r")
                .until_asked("[y/N/l to list]")
                .run("y")
                .press("undo 5\r")
                .until_asked("[y/N/l to list]")
                .run("y")
                .run("fetch acme/spot");
        }),
    ];
    screen.leave();
    screens
}

/// Two cards, one of them while a storage is away.
fn card(place: &TourStudio) -> Vec<Screen> {
    play_alone(place, COLUMNS, "card", |screen| {
        screen
            .run("mkdir A001 B002")
            .run("head -c 3000000 /dev/urandom > A001/A001C001.mov")
            .run("head -c 2000000 /dev/urandom > B002/B002C001.mov")
            .run("auto-backup --demo")
            .run("offload A001 acme/spot footage WORK,NAS")
            .run("offload B002 acme/spot footage NAS,SHELF")
            .run("cards")
            .run("copy acme/spot footage NAS WORK")
            .run("cards");
    })
}

fn script(place: &TourStudio) -> Vec<Screen> {
    let text = "# Brings a project to the NAS and to the drive: auto-backup bring.ab PROJECT\n\
                copy $1 footage WORK NAS\n\
                copy $1 footage WORK SHELF\n\
                copy $1 render WORK NAS\n";
    place.studio.file("bring.ab", text);
    play_alone(place, COLUMNS, "script", |screen| {
        screen
            .run("cat bring.ab")
            .run("auto-backup --demo --dry-run bring.ab \"Bob's Diner/menu film\"")
            .run("auto-backup --demo --keep-going bring.ab \"Bob's Diner/menu film\"");
    })
}

fn narrow(place: &TourStudio) -> Vec<Screen> {
    play_alone(place, 40, "narrow", |screen| {
        screen.run("auto-backup --demo fetch acme/teaser");
    })
}

fn accessible(place: &TourStudio) -> Vec<Screen> {
    play_alone(place, COLUMNS, "accessible", |screen| {
        screen.run("auto-backup --demo --accessible fetch acme/teaser");
    })
}

fn pipe(place: &TourStudio) -> Vec<Screen> {
    play_alone(place, COLUMNS, "pipe", |screen| {
        screen
            .run("auto-backup --demo --format plain fetch all | grep incomplete | cut -f 1-4")
            .run("auto-backup --demo --format json fetch all | grep -o '\"missing\"' | wc -l");
    })
}

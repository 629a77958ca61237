//! Made-up names of a studio: shots with frames, textures, camera files and documents.

use std::fmt::Write as _;

use auto_backup::index::{SampleFolder, SampleProject};

use crate::common::dice::Dice;

/// Number of files of a project.
pub(crate) const FILES_PER_PROJECT: u64 = 50_000;

/// A word that only the rare files have in their names.
pub(crate) const RARE_WORD: &str = "xylograph";

/// Number of files with the rare word.
pub(crate) const RARE_FILES: u64 = 10;

/// Newest modification time: 2026-01-01, in seconds since 1970.
const NEWEST: u64 = 1_767_225_600;

const WORDS: [&str; 64] = [
    "amber", "anchor", "arrow", "ash", "beacon", "birch", "blade", "bridge", "bronze", "canyon",
    "castle", "cedar", "cinder", "clock", "cloud", "comet", "copper", "coral", "crane", "crow",
    "dawn", "desert", "dragon", "dust", "eagle", "ember", "falcon", "feather", "fern", "forest",
    "fox", "frost", "garden", "glacier", "granite", "harbor", "hawk", "helmet", "hollow", "island",
    "ivory", "jacket", "jungle", "kettle", "lantern", "lemon", "marble", "meadow", "mirror",
    "needle", "ocean", "orchid", "paper", "pepper", "quartz", "raven", "river", "saddle", "silver",
    "temple", "thunder", "velvet", "willow", "winter",
];
const TASKS: [&str; 8] = [
    "comp", "light", "fx", "anim", "roto", "matte", "layout", "precomp",
];
const MAPS: [&str; 6] = ["diffuse", "specular", "normal", "rough", "displace", "mask"];
const DOCUMENTS: [&str; 6] = ["pdf", "docx", "wav", "jpg", "psd", "txt"];

/// The folders of one project while they are made up.
struct Maker {
    dice: Dice,
    folders: Vec<SampleFolder>,
    files: u64,
}

/// Makes up a project. Projects of one number are equal, so that their replicas agree.
pub(crate) fn project(number: u64) -> SampleProject {
    let mut maker = Maker {
        dice: Dice::new(number),
        folders: Vec::new(),
        files: 0,
    };
    if number < RARE_FILES {
        maker.rare();
    }
    while maker.files < FILES_PER_PROJECT {
        let place = maker.folders.len();
        match maker.dice.between(0, 100) {
            0..50 => maker.shot(place),
            50..80 => maker.textures(place),
            80..90 => maker.camera(place),
            _ => maker.documents(place),
        }
    }
    SampleProject {
        client: format!("client_{:02}", number % 40),
        project: format!(
            "{}_{number:04}",
            WORDS[usize::try_from(number % 64).unwrap_or_default()]
        ),
        folders: maker.folders,
    }
}

impl Maker {
    fn word(&mut self) -> &'static str {
        self.pick(&WORDS)
    }

    fn pick(&mut self, words: &[&'static str]) -> &'static str {
        let place = self.dice.between(0, words.len() as u64);
        words[usize::try_from(place).unwrap_or_default()]
    }

    fn add(&mut self, path: String, mut names: Vec<String>) {
        names.sort_unstable();
        names.dedup();
        let mut folder = SampleFolder::new(path);
        self.files += names.len() as u64;
        for name in names {
            let bytes = self.dice.between(1_000, 50_000_000);
            let age = self.dice.between(0, 100_000_000);
            folder.add(name, bytes, (NEWEST - age).cast_signed());
        }
        self.folders.push(folder);
    }

    /// The frames of one version of a shot.
    fn shot(&mut self, place: usize) {
        let (sequence, task) = (self.word(), self.pick(&TASKS));
        let version = self.dice.between(1, 30);
        let first = 1001;
        let frames = self.dice.between(24, 300);
        let stem = format!("{sequence}_{:04}_{task}_v{version:03}", place * 10);
        let names = (first..first + frames).map(|frame| format!("{stem}.{frame}.exr"));
        let path = format!("shots/{sequence}/{:04}/{task}/v{version:03}", place * 10);
        self.add(path, names.collect());
    }

    fn textures(&mut self, place: usize) {
        let (asset, part) = (self.word(), self.word());
        let mut names = Vec::new();
        for _ in 0..self.dice.between(2, 6) {
            let map = self.pick(&MAPS);
            for tile in 1001..1001 + self.dice.between(1, 9) {
                names.push(format!("{asset}_{part}_{map}_{tile}.tif"));
            }
        }
        self.add(format!("assets/{asset}/{part}_{place:05}/textures"), names);
    }

    fn camera(&mut self, place: usize) {
        let mut names = Vec::new();
        for clip in 0..self.dice.between(10, 60) {
            let mut name = format!("A{:03}C{clip:03}_2601{:02}_", place % 1000, 1 + place % 28);
            for _ in 0..4 {
                let letter = u8::try_from(self.dice.between(0, 26)).unwrap_or_default();
                name.push(char::from(b'A' + letter));
            }
            name.push_str(".mxf");
            names.push(name);
        }
        self.add(
            format!("footage/day_{:02}/A{:03}", place % 40, place % 1000),
            names,
        );
    }

    fn documents(&mut self, place: usize) {
        let mut names = Vec::new();
        for _ in 0..self.dice.between(3, 15) {
            let [a, b, c] = [(); 3].map(|()| self.word());
            let mut name = format!("{a} {b} {c}");
            write!(
                name,
                " {}.{}",
                self.dice.between(1, 99),
                self.pick(&DOCUMENTS)
            )
            .unwrap_or_default();
            names.push(name);
        }
        let subject = self.word();
        self.add(format!("documents/{subject}/{place:05}"), names);
    }

    fn rare(&mut self) {
        let name = format!(
            "{}_{RARE_WORD}_{}.pdf",
            self.word(),
            self.dice.between(1, 99)
        );
        self.add("documents/boards".to_owned(), vec![name]);
    }
}

//! Tests of hash lists: what is written is read back, and what is wrong is refused.

use super::*;
use crate::mhl::xml::XmlError;
use crate::snapshot::content_hash::{HashFormat, hash_bytes};

#[derive(Default)]
struct Collected {
    files: Vec<HashedFile>,
    folders: Vec<String>,
}

impl HashListVisitor for Collected {
    fn file(&mut self, file: HashedFile) -> Result<(), String> {
        self.files.push(file);
        Ok(())
    }

    fn folder(&mut self, path: &str) -> Result<(), String> {
        self.folders.push(path.to_owned());
        Ok(())
    }
}

fn read(text: &[u8]) -> Result<(HashListHead, Collected), String> {
    let mut collected = Collected::default();
    match read_hash_list(text, &mut collected) {
        Ok((head, c4)) => {
            assert_eq!(c4, hash_bytes(HashFormat::C4, text));
            Ok((head, collected))
        }
        Err(XmlError::Malformed(why)) => Err(why),
        Err(XmlError::Read(error)) => panic!("{error}"),
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp {
        seconds,
        nanoseconds: 0,
    }
}

fn list() -> HashList {
    let entry = |format, action| HashEntry {
        value: hash_bytes(format, b"x"),
        action,
        at: Some(at(1_764_000_000)),
    };
    let file = |path: &str, bytes, hashes| HashedFile {
        path: path.to_owned(),
        bytes,
        modified: Some(at(1_763_000_000)),
        hashes,
        previous_path: None,
    };
    HashList {
        head: HashListHead {
            created: at(1_764_000_000),
            host: "ws1".to_owned(),
            tool: TOOL.to_owned(),
            tool_version: "0.1.0".to_owned(),
            comment: Some("from /a & <b>".to_owned()),
            process: Process::Transfer,
            ignore: vec![".DS_Store".to_owned(), "ascmhl/".to_owned()],
            references: vec![HashListReference {
                path: "A001/ascmhl/0001_A001.mhl".to_owned(),
                c4: hash_bytes(HashFormat::C4, b"y"),
            }],
        },
        root: vec![FolderHash {
            content: hash_bytes(HashFormat::Xxh64, b"c"),
            structure: hash_bytes(HashFormat::Xxh64, b"s"),
        }],
        files: vec![
            file(
                " odd\nname\r\t<é>\u{202e} ",
                Some(7),
                HashFormat::ALL
                    .map(|format| entry(format, HashAction::Verified))
                    .to_vec(),
            ),
            HashedFile {
                previous_path: Some("old".to_owned()),
                ..file(
                    "a/b",
                    None,
                    vec![entry(HashFormat::Md5, HashAction::Failed)],
                )
            },
        ],
        folders: vec![HashedFolder {
            path: "a".to_owned(),
            modified: None,
            hashes: Vec::new(),
        }],
    }
}

fn written(list: &HashList) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_hash_list(list, &mut bytes).unwrap();
    bytes
}

#[test]
fn written_list_is_read_back() {
    let list = list();
    let (head, collected) = read(&written(&list)).unwrap();
    assert_eq!(head, list.head);
    assert_eq!(collected.files, list.files);
    assert_eq!(collected.folders, ["a"]);
}

#[test]
fn list_without_files_has_no_element_for_them() {
    let mut list = list();
    (list.files, list.folders) = (Vec::new(), Vec::new());
    let text = String::from_utf8(written(&list)).unwrap();
    assert!(!text.contains("<hashes>"));
    assert!(read(text.as_bytes()).unwrap().1.files.is_empty());
}

/// Returns why a list is refused after one text in it was replaced.
fn refusal(from: &str, to: &str) -> String {
    let text = String::from_utf8(written(&list())).unwrap();
    assert!(text.contains(from), "{from}");
    match read(text.replacen(from, to, 1).as_bytes()) {
        Err(why) => why,
        Ok(_) => panic!("accepted {to}"),
    }
}

#[test]
fn paths_that_lead_elsewhere_are_refused() {
    for path in ["../b", "/a/b", "a/../../b", "a//b", ""] {
        refusal(">a/b<", &format!(">{path}<"));
    }
    refusal(">old<", ">../old<");
    refusal(">A001/ascmhl", ">../A001/ascmhl");
}

#[test]
fn malformed_lists_are_refused() {
    assert!(refusal(NAMESPACE, "urn:ASC:MHL:v1.0").contains("namespace"));
    refusal("version=\"2.0\"", "version=\"1.0\"");
    refusal("size=\"7\"", "size=\"-7\"");
    refusal(" action=\"failed\"", "");
    refusal("action=\"failed\"", "action=\"maybe\"");
    refusal("<process>transfer", "<process>moved");
    refusal("<hashes>", "<hashes><other/>");
    refusal("</hashes>", "</hashes><hashes></hashes>");
    refusal("<comment>", "<comment><b/>");
    let md5 = hash_bytes(HashFormat::Md5, b"x").to_string();
    refusal(&md5, "abc");
    refusal("</hashlist>", "");
}

#[test]
fn metadata_of_other_programs_is_passed_over() {
    let text = String::from_utf8(written(&list())).unwrap();
    let metadata = "<metadata><x xmlns='urn:other'>1<y/></x></metadata></hash>";
    let text = text.replace("</hash>", metadata);
    assert_eq!(read(text.as_bytes()).unwrap().1.files, list().files);
}

//! Tests of the reader: what it accepts, and what it refuses.

use std::io::{Read, repeat};

use super::*;

const NAMESPACE: &str = "urn:test";

/// Reads `<a>` and the text of `<b>` in it.
fn read(text: &str) -> XmlResult<String> {
    read_bytes(text.as_bytes())
}

fn read_bytes(bytes: impl Read) -> XmlResult<String> {
    let mut reader = XmlReader::new(bytes, NAMESPACE);
    reader.root("a")?;
    let mut text = String::new();
    while let Some(element) = reader.next_child()? {
        if element.name == "b" {
            text = reader.text()?;
        } else {
            reader.skip()?;
        }
    }
    reader.finish()?;
    Ok(text)
}

fn reason(result: XmlResult<String>) -> String {
    match result {
        Err(XmlError::Malformed(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn any_prefix_is_accepted() {
    for text in [
        "<a xmlns='urn:test'><b>x</b></a>",
        "<?xml version='1.0' encoding='utf-8'?><p:a xmlns:p='urn:test'>\n<p:b>x</p:b></p:a>\n",
        "<a xmlns='urn:test'><q:b xmlns:q='urn:test'>x</q:b><!-- c --></a>",
        "\u{feff}<a xmlns='urn:test'><b><![CDATA[x]]></b></a>",
    ] {
        assert_eq!(read(text).unwrap(), "x", "{text}");
    }
}

#[test]
fn other_namespaces_are_refused() {
    for text in ["<a><b>x</b></a>", "<a xmlns='urn:other'/>", "<p:a/>"] {
        reason(read(text));
    }
    let inner = "<a xmlns='urn:test'><b xmlns='urn:other'>x</b></a>";
    assert!(reason(read(inner)).contains("namespace"));
}

#[test]
fn text_keeps_its_characters() {
    let text = "<a xmlns='urn:test'><b> &lt;&amp;&#10;&#13;&#9;\u{202e}é </b></a>";
    assert_eq!(read(text).unwrap(), " <&\n\r\t\u{202e}é ");
    let raw = "<a xmlns='urn:test'><b>x\r\ny\rz</b></a>";
    assert_eq!(read(raw).unwrap(), "x\ny\nz");
}

#[test]
fn escaped_text_is_read_back() {
    let name = "a<b>&\"'\n\r\t  \u{85}\u{2028} c";
    let mut written = b"<a xmlns='urn:test'><b>".to_vec();
    escape::write_escaped(&mut written, name).unwrap();
    written.extend_from_slice(b"</b></a>");
    assert_eq!(read_bytes(&written[..]).unwrap(), name);
}

#[test]
fn entities_are_never_expanded() {
    let bomb = "<!DOCTYPE a [<!ENTITY x 'xxxxxxxxxx'><!ENTITY y '&x;&x;&x;&x;&x;'>]>
        <a xmlns='urn:test'><b>&y;</b></a>";
    assert!(reason(read(bomb)).contains("document type"));
    let external = "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a xmlns='urn:test'/>";
    assert!(reason(read(external)).contains("document type"));
    let unknown = "<a xmlns='urn:test'><b>&nbsp;</b></a>";
    assert!(reason(read(unknown)).contains("`nbsp`"));
    reason(read("<a xmlns='urn:test' c='&x;'/>"));
}

#[test]
fn broken_files_are_refused() {
    for text in [
        "",
        "no xml",
        "<a xmlns='urn:test'><b>x</b>",
        "<a xmlns='urn:test'><b>x</c></a>",
        "<a xmlns='urn:test'>x</a>",
        "<a xmlns='urn:test'/><a xmlns='urn:test'/>",
        "<a xmlns='urn:test'><b><c/></b></a>",
        "<a xmlns='urn:test'><b>&#0;</b></a>",
        "<a xmlns='urn:test'><b>\u{1}</b></a>",
        "<a xmlns='urn:test' c='1' c='2'/>",
        "<?xml version='1.0' encoding='UTF-16'?><a xmlns='urn:test'/>",
    ] {
        reason(read(text));
    }
    reason(read_bytes(&b"<a xmlns='urn:test'><b>\xff</b></a>"[..]));
}

#[test]
fn endless_parts_are_refused() {
    let begin = |text: &'static str| text.as_bytes();
    for (head, filler) in [
        ("<a xmlns='urn:test'><b>", b'x'),
        ("<a xmlns='urn:test' c='", b'x'),
        ("<a xmlns='urn:test'><!--", b'x'),
        ("<a xmlns='urn:test'>", b' '),
        ("<!DOCTYPE ", b'x'),
        ("<", b'x'),
    ] {
        // 200 KiB are more than one part and what is read ahead.
        let endless = begin(head).chain(repeat(filler).take(200 << 10));
        assert!(reason(read_bytes(endless)).contains("64 KiB"), "{head}");
    }
    let deep = format!("<a xmlns='urn:test'>{}", "<c>".repeat(1000));
    assert!(reason(read(&deep)).contains("deep"));
    let parts = format!("<a xmlns='urn:test'><b>{}</b></a>", "&#97;".repeat(70_000));
    assert!(reason(read(&parts)).contains("64 KiB"));
}

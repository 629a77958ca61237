//! `echo`.

use insta::assert_snapshot;

use crate::studio::Studio;

#[test]
fn words_are_written_with_a_blank_between_them() {
    let studio = Studio::bare();
    let lines = [
        "echo",
        "echo  two   words # and a comment",
        "echo 'two   blanks' -x --yes",
        "echo $'a\\tb'",
    ];
    assert_snapshot!(studio.lines(&lines).ok().stdout.replace(' ', "·"), @r"

    two·words
    two···blanks·-x·--yes
    a\tb
    ");
}

#[test]
fn every_format_has_the_text() {
    let studio = Studio::bare();
    assert_eq!(
        studio.json(&["echo a  b"]).ok().stdout,
        "{\"command\":\"echo\",\"text\":\"a b\"}\n"
    );
    let run = studio.run(["--format", "csv", "-c", "echo 'a, b'"]).ok();
    assert_eq!(run.stdout, "text\n\"a, b\"\n");
    assert_eq!(studio.run(["--quiet", "-c", "echo a"]).ok().stdout, "");
}

//! `echo`.

use insta::assert_snapshot;

use crate::studio::Studio;

#[test]
fn words_are_joined_by_single_spaces() {
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
fn text_is_written_in_every_format() {
    let studio = Studio::bare();
    assert_eq!(
        studio.json(&["echo a  b"]).ok().stdout,
        "{\"command\":\"echo\",\"text\":\"a b\"}\n"
    );
    let run = studio.run(["--format", "csv", "-c", "echo 'a, b'"]).ok();
    assert_eq!(run.stdout, "text\n\"a, b\"\n");
    assert_eq!(studio.run(["--quiet", "-c", "echo a"]).ok().stdout, "");
}

//! Splitting lines into words, and the place of the caret if that fails.

use insta::assert_snapshot;

use crate::studio::Studio;

#[test]
fn open_quote_is_reported_at_its_start() {
    let studio = Studio::new();
    studio.file(
        "script.ab",
        "fetch client 'Bob\nfetch client \"Bob\nfetch client $'Bob\nload --project='Bob\n",
    );
    assert_snapshot!(studio.run(["--keep-going", "script.ab"]), @r#"
    exit 2
    --- stderr
    script.ab:1:14: error: unclosed quote '
        fetch client 'Bob
                     ^
    hint: close it with '; a quote inside a word, as in Bob's, needs no escape
    script.ab:2:14: error: unclosed quote "
        fetch client "Bob
                     ^
    hint: close it with "; a quote inside a word, as in Bob's, needs no escape
    script.ab:3:14: error: unclosed quote '
        fetch client $'Bob
                     ^
    hint: close it with '; a quote inside a word, as in Bob's, needs no escape
    script.ab:4:16: error: unclosed quote '
        load --project='Bob
                       ^
    hint: close it with '; a quote inside a word, as in Bob's, needs no escape
    4 of 4 commands failed: script.ab:1, 2, 3, 4
    "#);
}

#[test]
fn invalid_escape_is_marked() {
    let studio = Studio::new();
    studio.file("script.ab", "fetch client $'a\\q'\nfetch client $'a\\x4'\nfetch client $'a\\u{d800}'\nfetch client $'a\\u12'\nfetch client $'\\0'\n");
    assert_snapshot!(studio.run(["--keep-going", "script.ab"]), @r"
    exit 2
    --- stderr
    script.ab:1:17: error: unknown escape inside $'...'
        fetch client $'a\q'
                        ^^
    hint: known escapes: \n \r \t \\ \' \xHH and \u{HEX}
    script.ab:2:17: error: unknown escape inside $'...'
        fetch client $'a\x4'
                        ^^^
    hint: known escapes: \n \r \t \\ \' \xHH and \u{HEX}
    script.ab:3:17: error: unknown escape inside $'...'
        fetch client $'a\u{d800}'
                        ^^^^^^^^
    hint: known escapes: \n \r \t \\ \' \xHH and \u{HEX}
    script.ab:4:17: error: unknown escape inside $'...'
        fetch client $'a\u12'
                        ^^
    hint: known escapes: \n \r \t \\ \' \xHH and \u{HEX}
    script.ab:5:16: error: unknown escape inside $'...'
        fetch client $'\0'
                       ^^
    hint: known escapes: \n \r \t \\ \' \xHH and \u{HEX}
    5 of 5 commands failed: script.ab:1, 2, 3, 4, 5
    ");
}

#[test]
fn comments_and_blank_lines_are_ignored() {
    let studio = Studio::filled();
    let text = "\u{feff}#!/usr/bin/env auto-backup\r\n\r\n  \t\r\n# load\r\nload WORK # and no more\r\nlist clients\r\n";
    assert_snapshot!(studio.script(text).ok(), @"
    exit 0
    --- stdout
    ┌─────────┬──────────┬──────────┬───────┬──────┬───────┬───────┐
    │ storage ┆ state    ┆ projects ┆ files ┆ size ┆ added ┆ time  │
    ╞═════════╪══════════╪══════════╪═══════╪══════╪═══════╪═══════╡
    │ WORK    ┆ complete ┆        3 ┆     5 ┆ 25 B ┆     5 ┆ N s │
    └─────────┴──────────┴──────────┴───────┴──────┴───────┴───────┘
    scanned 1 storage, 5 files, 25 B in N s
    client  size  files  projects  copies  newest        scanned   on
    Bob's    1 B      1         1       1  NNN days ago  just now  WORK
    acme    24 B      4         2       1  NNN days ago  just now  WORK
    2 clients, 5 files, 25 B
    ");
}

#[test]
fn empty_script_does_nothing() {
    let studio = Studio::new();
    for text in ["", "\n", "\u{feff}", "#", "# \\", "\\\n", " \\"] {
        assert_eq!(studio.script(text).ok().stdout, "", "{text:?}");
    }
}

#[test]
fn error_in_continued_line_marks_its_word() {
    let studio = Studio::filled();
    assert_snapshot!(studio.script("load\nfetch \\\n    project \\\n  acme/sopt\n"), @"
    exit 1
    --- stdout
    ┌─────────┬──────────┬──────────┬───────┬──────┬───────┬───────┐
    │ storage ┆ state    ┆ projects ┆ files ┆ size ┆ added ┆ time  │
    ╞═════════╪══════════╪══════════╪═══════╪══════╪═══════╪═══════╡
    │ WORK    ┆ complete ┆        3 ┆     5 ┆ 25 B ┆     5 ┆ N s │
    │ NAS     ┆ complete ┆        0 ┆     0 ┆  0 B ┆     0 ┆ N s │
    └─────────┴──────────┴──────────┴───────┴──────┴───────┴───────┘
    scanned 2 storages, 5 files, 25 B in N s
    --- stderr
    script.ab:4:3: error: unknown project `acme/sopt`
          acme/sopt
          ^^^^^^^^^
    hint: did you mean `acme/spot`?
    ");
    assert_snapshot!(studio.script("list projects \\\n  in acme \\\n  in WROK"), @"
    exit 1
    --- stderr
    script.ab:3:6: error: unknown client, category or storage `WROK`
          in WROK
             ^^^^
    hint: did you mean `WORK`?
    ");
    assert_snapshot!(studio.script("list projects \\\n  in acme \\\n  of NAS\n"), @"
    exit 2
    --- stderr
    script.ab:3:3: error: unexpected argument `of`
          of NAS
          ^^
    hint: write `list projects in acme in of in NAS`
    ");
    assert_snapshot!(studio.script("# a comment does not go on \\\nlod\n"), @"
    exit 2
    --- stderr
    script.ab:2:1: error: unknown command `lod`
        lod
        ^^^
    hint: did you mean `load`?
    ");
    assert_snapshot!(studio.script("copy acme/spot footage \\\n\nload\n"), @"
    exit 2
    --- stderr
    script.ab:1:23: error: missing: FROM, TO
        copy acme/spot footage  
                              ^
    hint: write it as: copy [OPTIONS] PROJECT [CATEGORY] FROM TO[,TO...]
    ");
    assert_snapshot!(studio.script("fetch client \\\n  'Bob\n"), @"
    exit 2
    --- stderr
    script.ab:2:3: error: unclosed quote '
          'Bob
          ^
    hint: close it with '; a quote inside a word, as in Bob's, needs no escape
    ");
}

#[test]
fn caret_aligns_after_tabs_and_wide_characters() {
    let studio = Studio::filled();
    studio.file("script.ab", "\tload\t\tWROK\ncopy 東京/春 footage WROK NAS\nfetch client 'e\u{301}é ü' x\nlist clients 東京\nload $'\\x1b[31m' \u{202e}X\n");
    let run = studio.run(["--keep-going", "script.ab"]);
    assert_snapshot!(run.to_string().replace('\u{301}', ""), @r"
    exit 2
    --- stderr
    script.ab:1:8: error: unknown storage `WROK`
         load  WROK
               ^^^^
    hint: did you mean `WORK`?
    script.ab:2:19: error: unknown storage `WROK`
        copy 東京/春 footage WROK NAS
                             ^^^^
    hint: did you mean `WORK`?
    script.ab:3:22: error: unexpected argument `x`
        fetch client 'eé ü' x
                            ^
    hint: write it as: fetch [OPTIONS] PROJECT; quote a name with spaces: 'eé ü x'
    script.ab:4:14: error: unexpected argument `東京`
        list clients 東京
                     ^^^^
    hint: write `list clients in 東京`
    script.ab:5:6: error: unknown storage `\x1b[31m`
        load $'\x1b[31m' \u{202e}X
             ^^^^^^^^^^^
    hint: known: WORK, NAS
    5 of 5 commands failed: script.ab:1, 2, 3, 4, 5
    ");
}

#[test]
fn names_accept_every_quoting_style() {
    let studio = Studio::new();
    studio
        .file("WORK/footage/Bob's/long film/a", "")
        .file("WORK/footage/say \"hi\"/x/a", "")
        .file("WORK/footage/C:\\x/#1/a", "");
    let lines = [
        "load WORK",
        "list projects in Bob's",
        "list projects in \"Bob's\"",
        r#"list projects in "say \"hi\"""#,
        r#"list projects in 'say "hi"'"#,
        r"list projects in C:\x",
        r"list projects in $'C:\\x'",
    ];
    assert_snapshot!(studio.lines(&lines).ok(), @r#"
    exit 0
    --- stdout
    ┌─────────┬──────────┬──────────┬───────┬──────┬───────┬───────┐
    │ storage ┆ state    ┆ projects ┆ files ┆ size ┆ added ┆ time  │
    ╞═════════╪══════════╪══════════╪═══════╪══════╪═══════╪═══════╡
    │ WORK    ┆ complete ┆        3 ┆     3 ┆  0 B ┆     3 ┆ N s │
    └─────────┴──────────┴──────────┴───────┴──────┴───────┴───────┘
    scanned 1 storage, 3 files, 0 B in N s
    project          size  files  copies  newest        scanned   on
    Bob's/long film   0 B      1       1  NNN days ago  just now  WORK
    1 project, 1 file, 0 B
    project          size  files  copies  newest        scanned   on
    Bob's/long film   0 B      1       1  NNN days ago  just now  WORK
    1 project, 1 file, 0 B
    project     size  files  copies  newest        scanned   on
    say "hi"/x   0 B      1       1  NNN days ago  just now  WORK
    1 project, 1 file, 0 B
    project     size  files  copies  newest        scanned   on
    say "hi"/x   0 B      1       1  NNN days ago  just now  WORK
    1 project, 1 file, 0 B
    project  size  files  copies  newest        scanned   on
    C:\x/#1   0 B      1       1  NNN days ago  just now  WORK
    1 project, 1 file, 0 B
    project  size  files  copies  newest        scanned   on
    C:\x/#1   0 B      1       1  NNN days ago  just now  WORK
    1 project, 1 file, 0 B
    "#);
    let lines = [
        r"fetch project C:\x/#1",
        r#"fetch project "Bob's/long film""#,
        r"fetch project Bob's/long\ film",
        r#"load --project="Bob's/long film""#,
    ];
    for line in lines {
        studio.lines(&[line]).ok();
    }
    assert_snapshot!(studio.lines(&["list projects in Bobs"]), @r#"
    exit 1
    --- stderr
    -c:1:18: error: unknown client, category or storage `Bobs`
        list projects in Bobs
                         ^^^^
    hint: did you mean `"Bob's"`?
    "#);
    assert_snapshot!(studio.lines(&["list projects in long film"]), @r#"
    exit 1
    --- stderr
    -c:1:18: error: unknown client, category or storage `long`
        list projects in long film
                         ^^^^
    hint: did you mean `"Bob's/long film"`?
    "#);
}

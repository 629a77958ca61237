//! The identity file of a remote: made by the first copy or sync that goes there.

use std::ffi::{OsStr, OsString};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::Remote;
use super::absence::{ANSWER, Listed, is_absence, trouble};
use super::daemon::{Answer, Daemon};
use super::log;
use super::process;
use super::process::{End, Line, Patience, failed};
use super::socket::Reply;
use crate::base::error::{DIRECTORY_NOT_FOUND, FILE_NOT_FOUND, PATIENCE, Result, Trouble};
use crate::base::own_name::OWN_FOLDER;
use crate::model::identity;
use crate::os::scratch::{Scratch, ScratchFolder, read_bounded};

/// What a process said of a file.
struct Read {
    end: End,
    out: Vec<u8>,
    said: Option<String>,
}

fn unreadable(why: &str) -> Trouble {
    let file = identity::path();
    Trouble::Other(format!("its identity file `{}`: {why}", file.display()))
}

impl Remote {
    /// Makes the identity file of a database that has none, and gives what it says then: another first copy may have been
    /// quicker.
    ///
    /// # Errors
    /// It cannot be written there.
    pub fn make_identity(&self, database: &str) -> Result<String> {
        let file = identity::path();
        let text = identity::text(database, &self.path(&file))?;
        let here = Scratch::list(text.lines().map(str::to_owned))?;
        let said = self.put_new(&here, &file)?;
        let failed = |why| Err(failed("write", &self.path(&file), why));
        match self.identity(Duration::from_secs(PATIENCE))? {
            Ok(Some(identity)) => Ok(identity),
            Ok(None) => failed(said.unwrap_or_else(|| "it is not there afterwards".to_owned())),
            Err(trouble) => failed(format!("read back, it {trouble}")),
        }
    }

    /// Puts a small file there unless there is one of its name; returns what rclone failed with, if it did.
    pub(super) fn put_new(&self, here: &Scratch, file: &Path) -> Result<Option<String>> {
        match self.daemon().filter(|_| here.path().to_str().is_some()) {
            Some(daemon) => self.put_identity(daemon, here, file),
            None => self.put_identity_alone(here, file),
        }
    }

    /// What its identity file says; `None` where it surely has none.
    ///
    /// # Errors
    /// An interruption; the inner error says why nobody knows.
    pub(super) fn identity(
        &self,
        patience: Duration,
    ) -> Result<std::result::Result<Option<String>, Trouble>> {
        let start = Instant::now();
        if let Some(daemon) = self.daemon()
            && let Some(answer) = self.fetch_identity(daemon, patience)?
        {
            return Ok(answer);
        }
        let left = || patience.saturating_sub(start.elapsed());
        let file = identity::path();
        // One byte more than it may have.
        let count = format!("--count={}", identity::LONGEST + 1);
        let read = self.read_alone("cat", &[&count], &file, left())?;
        match read.end {
            End::Exited(Some(0)) if !read.out.is_empty() => return Ok(self.understood(&read.out)),
            // A storage without folders says nothing of a file that is not there.
            End::Exited(Some(0 | DIRECTORY_NOT_FOUND | FILE_NOT_FOUND)) if read.out.is_empty() => {}
            end => return Ok(Err(trouble(end, read.said, patience))),
        }
        let looked = self.read_alone("lsjson", &["--stat", "--no-mimetype"], &file, left())?;
        Ok(match looked.end {
            End::Exited(Some(DIRECTORY_NOT_FOUND | FILE_NOT_FOUND)) if looked.out.is_empty() => {
                Ok(None)
            }
            End::Exited(Some(0)) => Err(unreadable("it is there, and cannot be read")),
            end => Err(trouble(end, looked.said, patience)),
        })
    }

    /// Fetches the identity file by the process that is there; `None` where that does not say.
    fn fetch_identity(
        &self,
        daemon: &Daemon,
        patience: Duration,
    ) -> Result<Option<std::result::Result<Option<String>, Trouble>>> {
        let file = identity::path();
        let (root, path) = (
            self.root().to_str().unwrap_or_default(),
            file.to_str().unwrap_or_default(),
        );
        // One list, where asking for the file itself would be two questions on storages without folders.
        let question = json!({
            "fs": root,
            "remote": OWN_FOLDER,
            "opt": { "noMimeType": true, "noModTime": true },
        });
        let body = match daemon.ask_for_list(question, patience, ANSWER)? {
            Reply::Came { status: 200, body } => body,
            Reply::Came { status, body } if is_absence(status, &body) => return Ok(Some(Ok(None))),
            _ => return Ok(None),
        };
        let Ok(Listed { list }) = serde_json::from_slice::<Listed<'_>>(&body) else {
            return Ok(None);
        };
        let Some(item) = list.iter().find(|entry| entry.path == path) else {
            return Ok(Some(Ok(None)));
        };
        match u64::try_from(item.size) {
            _ if item.is_dir => return Ok(Some(Err(unreadable("it is not a file")))),
            Ok(size) if size > identity::LONGEST => {
                return Ok(Some(Err(unreadable("it is far too long"))));
            }
            Ok(_) => {}
            Err(_) => return Ok(None),
        }
        let folder = ScratchFolder::new()?;
        let Some(here) = folder.path().to_str() else {
            return Ok(None);
        };
        let question = json!({
            "srcFs": root,
            "srcRemote": path,
            "dstFs": here,
            "dstRemote": "identity",
            // It may have grown since.
            "_config": { "MaxTransfer": identity::LONGEST, "CutoffMode": "HARD" },
        });
        if !matches!(
            daemon.ask("operations/copyfile", &question, patience)?,
            Answer::Good(_)
        ) {
            return Ok(None);
        }
        let read = read_bounded(&folder.path().join("identity"), identity::LONGEST);
        Ok(match read {
            Ok(Some(text)) => Some(self.understood(&text)),
            Ok(None) => Some(Err(unreadable("it is far too long"))),
            Err(_) => None,
        })
    }

    /// What the text of its identity file says.
    fn understood(&self, text: &[u8]) -> std::result::Result<Option<String>, Trouble> {
        if text.len() as u64 > identity::LONGEST {
            return Err(unreadable("it is far too long"));
        }
        let text = String::from_utf8_lossy(text);
        let path = self.path(&identity::path());
        let read = identity::parse(&text, &path);
        read.map(Some)
            .map_err(|_| unreadable("it is not an identity file"))
    }

    /// Reads about a file by a process of its own.
    fn read_alone(
        &self,
        verb: &str,
        more: &[&str],
        file: &Path,
        patience: Duration,
    ) -> Result<Read> {
        let mut words: Vec<OsString> = [verb]
            .into_iter()
            .chain(process::ALWAYS)
            .chain(["--low-level-retries=1", "--contimeout=10s", "--timeout=15s"])
            .chain(more.iter().copied())
            .chain(["--"])
            .map(OsString::from)
            .collect();
        words.push(self.argument(file)?);
        let (mut out, mut said) = (Vec::new(), None);
        let limit = Patience::within(patience);
        let end = process::run(&self.program, &words, limit, &mut |line| {
            match line {
                Line::Out(line) => {
                    out.extend(line);
                    out.push(b'\n');
                }
                Line::Log(line) => {
                    let entry = log::read(&line);
                    if entry.is_error {
                        // The first says most; the last only how many there were.
                        said.get_or_insert(entry.message);
                    }
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(Read { end, out, said })
    }

    /// Puts it there unless there is one; gives what rclone failed with, if it did.
    fn put_identity(&self, daemon: &Daemon, here: &Scratch, file: &Path) -> Result<Option<String>> {
        let text = |path: Option<&Path>| path.and_then(Path::to_str).unwrap_or_default().to_owned();
        let question = json!({
            "srcFs": text(here.path().parent()),
            "srcRemote": here.path().file_name().and_then(OsStr::to_str),
            "dstFs": text(Some(self.root())),
            "dstRemote": text(Some(file)),
            "_config": { "IgnoreExisting": true },
        });
        let patience = Duration::from_secs(3 * PATIENCE);
        Ok(
            match daemon.ask("operations/copyfile", &question, patience)? {
                Answer::Good(_) => None,
                Answer::Bad(said) => Some(said),
                Answer::Absent => Some("rclone says that it is not there".to_owned()),
                Answer::Late => Some("rclone does not answer".to_owned()),
            },
        )
    }

    /// The same by a process of its own.
    fn put_identity_alone(&self, here: &Scratch, file: &Path) -> Result<Option<String>> {
        let mut words: Vec<OsString> = ["copyto", "--ignore-existing", "--low-level-retries=3"]
            .into_iter()
            .chain(process::ALWAYS)
            .chain(["--"])
            .map(OsString::from)
            .collect();
        words.push(here.path().into());
        words.push(self.argument(file)?);
        let mut said = None;
        let patience = Patience::within(Duration::from_secs(3 * PATIENCE));
        process::run(&self.program, &words, patience, &mut |line| {
            if let Line::Log(line) = line {
                let entry = log::read(&line);
                said = entry.is_error.then_some(entry.message).or(said.take());
            }
            ControlFlow::Continue(())
        })?;
        Ok(said)
    }
}

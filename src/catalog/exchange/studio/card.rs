//! Cards: each is of the workstation that offloaded it, which alone writes it. A card is written whole.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use postgres::{Row, Transaction};

use super::column::{read, storable, stored};
use super::statement::{
    READ_CARD_FOLDERS, READ_CARD_TARGETS, READ_CARDS, REMOVE_CARD_FOLDERS, WRITE_CARD,
    WRITE_CARD_FOLDERS, WRITE_CARD_TARGETS,
};
use super::transfer::{StudioPull, StudioPush, damaged, leave_out};
use crate::base::interrupt;
use crate::base::name::Name;
use crate::catalog::exchange::failure::ExchangeFailure;
use crate::catalog::exchange::replica_key::{bytes_of, path_of, read_key};
use crate::index::{CardTarget, HostId, OutgoingEvidence, SeenCard, SharedCard, SharedCardFolder};

/// Number of folders that one statement writes.
const BATCH: usize = 1000;

/// Separates names in a row. None contains it.
const SEPARATOR: &str = "\n";

/// A card of another workstation, with its number there.
pub(super) type PulledCard = ((HostId, i64), SharedCard);

impl StudioPull<'_> {
    pub(super) fn read_cards(
        &self,
        transaction: &mut Transaction<'_>,
        left_out: &mut Vec<String>,
    ) -> Result<Vec<PulledCard>, ExchangeFailure> {
        let mut cards = Vec::new();
        for row in &transaction.query(READ_CARDS, &[&self.known_revision])? {
            interrupt::check()?;
            leave_out(self.take_card(transaction, row, &mut cards), left_out)?;
        }
        Ok(cards)
    }

    fn take_card(
        &self,
        transaction: &mut Transaction<'_>,
        row: &Row,
        cards: &mut Vec<PulledCard>,
    ) -> Result<(), ExchangeFailure> {
        if let Some(host) = self.owner(row.get(0))? {
            let card = self.read_card(transaction, row)?;
            if !card.is_sound(self.hosts) {
                return Err(damaged("the files of a card"));
            }
            cards.push(((host, row.get(1)), card));
        }
        Ok(())
    }

    fn read_card(
        &self,
        transaction: &mut Transaction<'_>,
        row: &Row,
    ) -> Result<SharedCard, ExchangeFailure> {
        let key: [i64; 2] = [row.get(0), row.get(1)];
        let path = |column: usize| Path::new(OsStr::from_bytes(row.get(column))).to_owned();
        let names = |column: usize| -> Vec<String> {
            let names: &str = row.get(column);
            let names = names.split(SEPARATOR).filter(|name| !name.is_empty());
            names.map(str::to_owned).collect()
        };
        Ok(SharedCard {
            seen: SeenCard {
                name: row.get(2),
                serial: row.get(3),
                place: path(4),
                path: path(5),
                media: names(6),
                at: self.clock.past_time(row.get(8)),
                unread: read(row.get(9)),
                folders: Vec::new(),
            },
            own_storages: names(7),
            folders: read_card_folders(transaction, key)?,
            targets: self.read_card_targets(transaction, key)?,
        })
    }

    fn read_card_targets(
        &self,
        transaction: &mut Transaction<'_>,
        [host, number]: [i64; 2],
    ) -> Result<Vec<CardTarget>, ExchangeFailure> {
        let rows = transaction.query(READ_CARD_TARGETS, &[&host, &number])?;
        let targets = rows.iter().map(|row| {
            let damaged = || damaged("the project of a card");
            let key = read_key(row, 0).ok_or_else(damaged)?;
            Ok(CardTarget {
                category: key.category,
                project: key.project,
                inside: path_of(row.get(3)).ok_or_else(damaged)?.to_owned(),
                at: self.clock.past_time(row.get(4)),
            })
        });
        targets.collect()
    }
}

fn read_card_folders(
    transaction: &mut Transaction<'_>,
    [host, number]: [i64; 2],
) -> Result<Vec<SharedCardFolder>, ExchangeFailure> {
    let rows = transaction.query(READ_CARD_FOLDERS, &[&host, &number])?;
    let folders = rows.iter().map(|row| {
        let parts: [Option<Vec<u8>>; 4] = [3, 4, 5, 6].map(|column| row.get(column));
        let [manifest, digests, checksum, proofs] = parts;
        let evidence: Option<OutgoingEvidence> =
            (|| Some([manifest?, digests?, checksum?, proofs?]))();
        let path = path_of(row.get(0));
        Ok(SharedCardFolder {
            path: path
                .ok_or_else(|| damaged("a folder of a card"))?
                .to_owned(),
            manifest: row.get(1),
            checksum: row.get(2),
            evidence,
        })
    });
    folders.collect()
}

impl StudioPush<'_> {
    pub(super) fn write_cards(
        &self,
        transaction: &mut Transaction<'_>,
    ) -> Result<(), ExchangeFailure> {
        for card in &self.unshared.cards {
            interrupt::check()?;
            let mut shared = self.index.outgoing_card(card, &self.numbers)?;
            shared.own_storages = self.own_storages(&shared.seen.media)?;
            self.write_card(transaction, card.number(), &shared)?;
        }
        Ok(())
    }

    fn write_card(
        &self,
        transaction: &mut Transaction<'_>,
        number: i64,
        card: &SharedCard,
    ) -> Result<(), ExchangeFailure> {
        let seen = &card.seen;
        let client = client_of(&card.targets);
        transaction.execute(
            WRITE_CARD,
            &[
                &self.own,
                &number,
                &client,
                &storable(&seen.name),
                &seen.serial.as_deref().map(storable),
                &bytes_of(&seen.place),
                &bytes_of(&seen.path),
                &storable(&seen.media.join(SEPARATOR)),
                &card.own_storages.join(SEPARATOR),
                &self.clock.past_seconds(seen.at),
                &stored(seen.unread),
                &self.revision,
            ],
        )?;
        transaction.execute(REMOVE_CARD_FOLDERS, &[&self.own, &number])?;
        for batch in card.folders.chunks(BATCH) {
            self.write_folders(transaction, (number, &client), batch)?;
        }
        self.write_targets(transaction, number, &card.targets)
    }

    fn write_folders(
        &self,
        transaction: &mut Transaction<'_>,
        (number, client): (i64, &Option<Vec<u8>>),
        folders: &[SharedCardFolder],
    ) -> Result<(), ExchangeFailure> {
        let paths: Vec<&[u8]> = folders
            .iter()
            .map(|folder| bytes_of(&folder.path))
            .collect();
        let manifests: Vec<&[u8]> = folders.iter().map(|folder| &*folder.manifest).collect();
        let checksums: Vec<&[u8]> = folders.iter().map(|folder| &*folder.checksum).collect();
        let evidence = [0, 1, 2, 3].map(|part: usize| -> Vec<Option<&[u8]>> {
            let parts = folders.iter().map(|folder| folder.evidence.as_ref());
            parts
                .map(|parts| parts.map(|parts| &*parts[part]))
                .collect()
        });
        transaction.execute(
            WRITE_CARD_FOLDERS,
            &[
                &self.own,
                &number,
                client,
                &paths,
                &manifests,
                &checksums,
                &evidence[0],
                &evidence[1],
                &evidence[2],
                &evidence[3],
            ],
        )?;
        Ok(())
    }

    fn write_targets(
        &self,
        transaction: &mut Transaction<'_>,
        number: i64,
        targets: &[CardTarget],
    ) -> Result<(), ExchangeFailure> {
        fn column<'t, T>(targets: &'t [CardTarget], value: impl Fn(&'t CardTarget) -> T) -> Vec<T> {
            targets.iter().map(value).collect()
        }
        let times = column(targets, |target| self.clock.past_seconds(target.at));
        transaction.execute(
            WRITE_CARD_TARGETS,
            &[
                &self.own,
                &number,
                &column(targets, |target| bytes_of(&target.category)),
                &column(targets, |target| target.project.client.as_bytes()),
                &column(targets, |target| target.project.project.as_bytes()),
                &column(targets, |target| bytes_of(&target.inside)),
                &times,
            ],
        )?;
        Ok(())
    }

    /// Returns the identities of the storages that are on one of these media.
    fn own_storages(&self, media: &[String]) -> Result<Vec<String>, ExchangeFailure> {
        let mut identities = Vec::new();
        for storage in self.registry.databases() {
            let id = self.index.database_id(&storage.root)?;
            let names = self.index.media_names(storage, id)?;
            if names.iter().any(|name| media.contains(name)) {
                identities.extend(self.index.identity(&storage.root)?);
            }
        }
        Ok(identities)
    }
}

/// Returns the client of a card; `None` if it was copied to projects of several.
fn client_of(targets: &[CardTarget]) -> Option<Vec<u8>> {
    let clients: BTreeSet<&Name> = targets
        .iter()
        .map(|target| &target.project.client)
        .collect();
    let mut clients = clients.into_iter();
    let client = clients.next()?;
    clients.next().is_none().then(|| client.as_bytes().to_vec())
}

//! Cards that other workstations offloaded. They stand among the own ones, with ids below zero, so that one judgement holds for
//! all; no offload ever takes one for its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Transaction, params};

use crate::base::error::{Error, IndexProblem, Result};
use crate::index::card::{root_of, write_card, write_folders, write_target};
use crate::index::checksum::{corruption_error, parse_manifest};
use crate::index::evidence::{ForeignRow, remove_row, replace_row};
use crate::index::name_check::{checked_path, checked_totals, impossible_name};
use crate::index::sql::{bytes, execute, optional};
use crate::index::{
    CardTarget, ForeignFailure, ForeignHosts, HostId, Index, KnownCard, OutgoingEvidence, SeenCard,
    SeenMedium, shared_checksum,
};
use crate::snapshot::manifest::Manifest;

/// Separates identities in a row. None contains it.
const SEPARATOR: &str = "\n";

/// A card as workstations share it.
#[derive(Debug)]
pub struct SharedCard {
    /// The card when it was seen last; its files are in `folders`.
    pub seen: SeenCard,
    /// Identities of the storages on its medium: what they hold is no copy.
    pub own_storages: Vec<String>,
    /// Its folders.
    pub folders: Vec<SharedCardFolder>,
    /// The folders of projects that it was copied to.
    pub targets: Vec<CardTarget>,
}

/// A folder of a card, packed.
#[derive(Clone, Debug)]
pub struct SharedCardFolder {
    /// The path below the card.
    pub path: PathBuf,
    /// Its files.
    pub manifest: Vec<u8>,
    /// The checksum of both.
    pub checksum: Vec<u8>,
    /// What is known of the contents of its files.
    pub evidence: Option<OutgoingEvidence>,
}

/// The origin of a card that another workstation offloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardOrigin {
    /// The workstation.
    pub host: HostId,
    /// Identities of the storages on the medium of the card.
    pub own_storages: Vec<String>,
}

impl Index {
    /// Returns the origin of a card; `None` for a card of this workstation.
    pub fn card_origin(&self, card: &KnownCard) -> Result<Option<CardOrigin>> {
        let sql = "SELECT host_id, own_storages FROM card_origins WHERE card_id = ?1";
        self.optional(sql, [card.id], |row| {
            let storages: String = row.get(1)?;
            let storages = storages.split(SEPARATOR).filter(|one| !one.is_empty());
            Ok(CardOrigin {
                host: row.get(0)?,
                own_storages: storages.map(str::to_owned).collect(),
            })
        })
    }

    /// Returns the cards of this workstation that the catalog lacks.
    pub(super) fn unshared_cards(&self) -> Result<Vec<KnownCard>> {
        let sql = "SELECT card_id FROM unshared_cards";
        let marked: Vec<i64> = self.rows(sql, [], |row| row.get(0))?;
        let mut cards = Vec::new();
        if !marked.is_empty() {
            cards = self.cards()?;
            cards.retain(|card| marked.contains(&card.id));
        }
        Ok(cards)
    }

    /// Returns a card of this workstation for others. `hosts`: the numbers that the catalog gives to workstations.
    pub fn outgoing_card(
        &self,
        card: &KnownCard,
        hosts: &BTreeMap<Option<HostId>, HostId>,
    ) -> Result<SharedCard> {
        let sql = "SELECT place FROM cards WHERE id = ?1";
        let place: Vec<u8> = self.one(sql, [card.id], |row| row.get(0))?;
        let media = self.seen_medium(card.database)?;
        let mut folders = Vec::new();
        for (path, manifest) in self.card_folders(card)? {
            let manifest = manifest.packed().to_vec();
            folders.push(SharedCardFolder {
                checksum: shared_checksum(bytes(&path), Some(&manifest)).to_vec(),
                evidence: self.outgoing_evidence(card.database, &path, hosts, false)?,
                manifest,
                path,
            });
        }
        Ok(SharedCard {
            seen: SeenCard {
                name: card.name.clone(),
                serial: card.serial.clone(),
                place: OsString::from_vec(place).into(),
                path: card.path.clone(),
                media: media.map(|seen| seen.media).unwrap_or_default(),
                at: card.seen_at,
                unread: card.unread,
                folders: Vec::new(),
            },
            own_storages: Vec::new(),
            folders,
            targets: self.card_targets(card)?,
        })
    }

    /// Writes a card of another workstation, with its number there, in place of what was known of it.
    ///
    /// # Errors
    /// A folder or its evidence is damaged or impossible.
    pub fn write_shared_card(
        &mut self,
        (host, number): (HostId, i64),
        shared: SharedCard,
        hosts: &ForeignHosts,
    ) -> Result<(), ForeignFailure> {
        let foreign = ForeignFailure::Foreign;
        let folders: Result<_, _> = shared.folders.iter().map(check_folder).collect();
        let rows = evidence_rows(&shared.folders, hosts).map_err(foreign)?;
        let seen = SeenCard {
            folders: folders.map_err(foreign)?,
            ..shared.seen
        };
        let folders = shared.folders.iter().map(|folder| &*folder.path);
        let evidence: Vec<_> = folders.zip(&rows).collect();
        let storages = shared.own_storages.join(SEPARATOR);
        self.write_checked((host, number), &seen, &storages, &shared.targets, &evidence)
            .map_err(ForeignFailure::Own)
    }

    /// Writes a card whose rows are checked.
    fn write_checked(
        &mut self,
        (host, number): (HostId, i64),
        seen: &SeenCard,
        own_storages: &str,
        targets: &[CardTarget],
        evidence: &[(&Path, &Option<ForeignRow<'_>>)],
    ) -> Result<()> {
        let id = self.shared_card_id(host, number)?;
        let root = root_of(id);
        let known = self.database(&root)?;
        let index = self.path.clone();
        let writer = self.write_scan(&root, &known)?;
        writer.record_medium(&SeenMedium {
            media: seen.media.clone(),
            at: seen.at,
            ..SeenMedium::default()
        })?;
        let card = KnownCard::new(id, writer.database(), seen);
        let is_written = writer.within(|transaction| {
            // Another process of this workstation may have given the id to another card.
            if !is_free(transaction, id, (host, number))? {
                return Ok(false);
            }
            write_card(transaction, &card, &seen.place)?;
            write_folders(transaction, id, &seen.folders)?;
            let sql = "DELETE FROM card_targets WHERE card_id = ?1";
            execute(transaction, sql, [id])?;
            for target in targets {
                write_target(transaction, id, target)?;
            }
            let sql = "INSERT OR REPLACE INTO card_origins (card_id, host_id, number, own_storages)
                       VALUES (?1, ?2, ?3, ?4)";
            execute(transaction, sql, params![id, host, number, own_storages])?;
            for (folder, row) in evidence {
                match row {
                    Some(row) => replace_row(transaction, card.database, row)?,
                    None => remove_row(transaction, card.database, folder)?,
                };
            }
            Ok(true)
        })?;
        if !is_written {
            return Err(Error::index(IndexProblem::DatabaseForgotten, index));
        }
        writer.finish_elsewhere()
    }

    /// Returns the id of a card of another workstation; for a new one, the next one below zero.
    fn shared_card_id(&self, host: HostId, number: i64) -> Result<i64> {
        let sql = "SELECT card_id FROM card_origins WHERE host_id = ?1 AND number = ?2";
        if let Some(id) = self.optional(sql, params![host, number], |row| row.get(0))? {
            return Ok(id);
        }
        let sql = "SELECT min(coalesce(min(id), 0), 0) - 1 FROM cards";
        self.one(sql, [], |row| row.get(0))
    }
}

/// True if an id is free, or that of this card.
fn is_free(
    transaction: &Transaction<'_>,
    id: i64,
    (host, number): (HostId, i64),
) -> rusqlite::Result<bool> {
    let sql = "SELECT host_id, number FROM card_origins WHERE card_id = ?1";
    let known = optional(transaction, sql, [id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(known.is_none_or(|known: (HostId, i64)| known == (host, number)))
}

/// Returns a folder if a listing could have found it.
impl SharedCard {
    /// True if it can be taken over.
    pub fn is_sound(&self, hosts: &ForeignHosts) -> bool {
        self.folders
            .iter()
            .all(|folder| check_folder(folder).is_ok())
            && evidence_rows(&self.folders, hosts).is_ok()
    }
}

fn check_folder(folder: &SharedCardFolder) -> rusqlite::Result<(PathBuf, Manifest)> {
    let path = bytes(&folder.path);
    if folder.checksum != shared_checksum(path, Some(&folder.manifest)) {
        return Err(corruption_error(
            "the checksum of a folder of a card is wrong",
        ));
    }
    let manifest = parse_manifest(&folder.manifest)?;
    checked_totals(manifest).ok_or_else(impossible_name)?;
    Ok((checked_path(path)?.to_owned(), manifest.to_owned()))
}

/// Checks the evidence of the folders.
fn evidence_rows<'f>(
    folders: &'f [SharedCardFolder],
    hosts: &ForeignHosts,
) -> rusqlite::Result<Vec<Option<ForeignRow<'f>>>> {
    let rows = folders.iter().map(|folder| {
        let parts = folder.evidence.as_ref();
        let parts = parts.map(|parts| parts.each_ref().map(Vec::as_slice));
        parts
            .map(|parts| ForeignRow::new(&folder.path, parts, hosts, false))
            .transpose()
    });
    rows.collect()
}

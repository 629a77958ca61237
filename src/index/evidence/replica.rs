//! The files of one replica beside their evidence, folder by folder.

use std::path::{Path, PathBuf};

use rusqlite::params;

use super::pack::Proof;
use super::row::{SELECT_SQL, folder_forms, verified_contents};
use crate::base::error::Result;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::index::checksum::{parse_manifest, verify_row};
use crate::index::sql::bytes;
use crate::index::sqlite_error::Explain as _;
use crate::index::{DatabaseId, Index, KnownCard, PresentReplica};
use crate::model::layout::CategoryLayout;
use crate::model::project::path_within;
use crate::snapshot::digest::Digest;
use crate::snapshot::manifest::{ManifestFile, ManifestRef};
use crate::snapshot::manifest_join::join_by_name;

/// The known content of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownContent {
    /// The modification time when the content was known, if it is more precise than that of the file now.
    pub recorded_time: Option<Timestamp>,
    /// The digest of the intact content.
    pub digest: Digest,
    /// How and when it became known.
    pub proof: Proof,
}

/// The files of one folder at the last scan, with the evidence that holds.
#[derive(Debug)]
pub struct ProvenFolder<'a> {
    /// The path below the replica's folder.
    pub path: &'a Path,
    manifest: ManifestRef<'a>,
    /// One for each file of the manifest, up to the last one with evidence.
    contents: Vec<Option<KnownContent>>,
}

impl<'a> ProvenFolder<'a> {
    /// The files, packed.
    pub const fn manifest(&self) -> ManifestRef<'a> {
        self.manifest
    }

    /// The evidence of the file at this place of the manifest.
    pub fn content(&self, place: usize) -> Option<&KnownContent> {
        self.contents.get(place).and_then(Option::as_ref)
    }

    /// Passes each file with its evidence to `visit`, sorted by name.
    pub fn visit(&self, visit: &mut dyn FnMut(&ManifestFile<'_>, Option<&KnownContent>)) {
        let (mut files, mut contents) = (self.manifest.files(), self.contents.iter());
        while let Some(file) = files.next() {
            visit(&file, contents.next().and_then(Option::as_ref));
        }
    }
}

impl Index {
    /// Passes the folders of a replica, sorted by path, with the evidence of their files to `visit`.
    pub fn visit_proven_folders(
        &self,
        database: DatabaseId,
        category: &Path,
        replica: &PresentReplica,
        precision: TimePrecision,
        visit: &mut dyn FnMut(&ProvenFolder<'_>) -> Result<()>,
    ) -> Result<()> {
        let base = CategoryLayout::from_key(category).replica_path(&replica.project);
        // Before the first copy or verification, no folder is looked up for nothing.
        let has_evidence = self.has_evidence(database).explain("read", &self.path)?;
        self.visit_replica(replica, &mut |folder| {
            let place = path_within(&base, folder.path);
            let contents = if has_evidence {
                self.contents_of((database, &place), folder.manifest, precision)
            } else {
                Ok(Vec::new())
            };
            visit(&ProvenFolder {
                path: folder.path,
                manifest: folder.manifest,
                contents: contents.explain("read", &self.path)?,
            })?;
            Ok(true)
        })
        .map(drop)
    }

    /// Passes one folder of a replica with the evidence of its files to `visit`, unless the replica does not hold it. Files that
    /// are packed like the `expected` ones are not checked again.
    pub fn visit_proven_folder(
        &self,
        database: DatabaseId,
        category: &Path,
        replica: &PresentReplica,
        (path, precision): (&Path, TimePrecision),
        expected: ManifestRef<'_>,
        visit: &mut dyn FnMut(&ProvenFolder<'_>),
    ) -> Result<()> {
        let base = CategoryLayout::from_key(category).replica_path(&replica.project);
        let place = path_within(&base, path);
        let sql = "SELECT path, fingerprints, manifest, checksum FROM folders WHERE replica_id = ?1 AND path = ?2";
        let mut read = || -> rusqlite::Result<()> {
            let mut query = self.connection.prepare_cached(sql)?;
            let mut rows = query.query(params![replica.id(), bytes(path)])?;
            let Some(row) = rows.next()? else {
                return Ok(());
            };
            let part =
                |column: usize| -> rusqlite::Result<&[u8]> { Ok(row.get_ref(column)?.as_blob()?) };
            let packed = part(2)?;
            verify_row(part(3)?, &[part(0)?, part(1)?, packed])?;
            let manifest = if packed == expected.packed() {
                expected
            } else {
                parse_manifest(packed)?
            };
            visit(&ProvenFolder {
                path,
                manifest,
                contents: self.contents_of((database, &place), manifest, precision)?,
            });
            Ok(())
        };
        read().explain("read", &self.path)
    }

    /// Passes the folders of an offloaded card, sorted by path, with the evidence of their files to `visit`.
    pub fn visit_card_folders(
        &self,
        card: &KnownCard,
        visit: &mut dyn FnMut(&ProvenFolder<'_>) -> Result<()>,
    ) -> Result<()> {
        for (path, manifest) in self.card_folders(card)? {
            // The system that read the card is the one that listed it, at one precision.
            let precision = TimePrecision::Nanosecond;
            let place = (card.database, &path);
            let contents = self.contents_of(place, manifest.as_ref(), precision);
            visit(&ProvenFolder {
                path: &path,
                manifest: manifest.as_ref(),
                contents: contents.explain("read", &self.path)?,
            })?;
        }
        Ok(())
    }

    /// True if anything is known of the content of any file of a database.
    fn has_evidence(&self, database: DatabaseId) -> rusqlite::Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM digests WHERE database_id = ?1)";
        let mut query = self.connection.prepare_cached(sql)?;
        query.query_row([database], |row| row.get(0))
    }

    /// Returns the evidence that holds for each file of a manifest.
    fn contents_of(
        &self,
        (database, folder): (DatabaseId, &PathBuf),
        manifest: ManifestRef<'_>,
        precision: TimePrecision,
    ) -> rusqlite::Result<Vec<Option<KnownContent>>> {
        let mut contents: Vec<Option<KnownContent>> = Vec::new();
        let [plain, slashed] = folder_forms(folder);
        let mut query = self.connection.prepare_cached(SELECT_SQL)?;
        let mut rows = query.query(params![database, plain, slashed])?;
        while let Some(row) = rows.next()? {
            let [names, digests, checksum, proofs] = [0, 1, 2, 3].map(|column| row.get_ref(column));
            let parts = [names?.as_blob()?, digests?.as_blob()?, checksum?.as_blob()?];
            let [names, digests, checksum] = parts;
            let parts = [names, digests, checksum, proofs?.as_blob()?];
            let (digests, proofs) = verified_contents(row.get_ref(4)?.as_blob()?, parts)?;
            if names == manifest.packed() {
                // The files are still those of the evidence. Most folders are like this.
                let known = digests
                    .iter()
                    .zip(proofs)
                    .map(|(digest, proof)| KnownContent {
                        recorded_time: None,
                        digest: Digest(u128::from_le_bytes(*digest)),
                        proof,
                    });
                contents.clear();
                contents.extend(known.map(Some));
                continue;
            }
            let (mut place, mut known) = (0, 0);
            join_by_name(manifest, parse_manifest(names)?, &mut |file, evidence| {
                if let (Some(file), Some(evidence)) = (file, evidence) {
                    contents.resize(contents.len().max(place + 1), None);
                    let holds = file.target.is_none()
                        && evidence.bytes == file.bytes
                        && evidence.modified.equals_at(file.modified, precision);
                    // A later row replaces the earlier ones, also if it does not hold.
                    contents[place] = digests
                        .get(known)
                        .zip(proofs.get(known))
                        .filter(|_| holds)
                        .map(|(digest, proof)| KnownContent {
                            recorded_time: Some(evidence.modified),
                            digest: Digest(u128::from_le_bytes(*digest)),
                            proof: *proof,
                        });
                }
                place += usize::from(file.is_some());
                known += usize::from(evidence.is_some());
            });
        }
        Ok(contents)
    }
}

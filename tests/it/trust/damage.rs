//! Single bits that flip on a disk, below its file system: size, time and change time stay.
//!
//! `AUTO_BACKUP_BITS` sets their number; 200 otherwise.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::process::Stdio;

use super::THREE_MEDIA;
use crate::disks::MountedDisk;
use crate::studio::{Studio, report_skip};

/// Bytes of a block of the file system.
const BLOCK: usize = 4096;

/// Returns numbers that look random and repeat in every run.
fn scatter(seed: u64) -> u64 {
    let mut value = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    value ^= value >> 31;
    value = value.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value ^ value >> 29
}

/// A block that no other file has.
fn block(number: u64) -> Vec<u8> {
    let words = (0..BLOCK as u64 / 8).map(|word| scatter(number << 16 | word));
    words.flat_map(u64::to_le_bytes).collect()
}

#[test]
fn every_flipped_bit_is_found_and_healed() {
    let bits = std::env::var("AUTO_BACKUP_BITS");
    let bits: u64 = bits.map_or(200, |bits| bits.parse().unwrap());
    let studio = Studio::new();
    studio
        .folder("SHELF")
        .file("home/.config/auto-backup/.config", THREE_MEDIA);
    let image = studio.path("disk.img");
    let size = (bits * 3 * BLOCK as u64).max(32 << 20);
    fs::File::create(&image).unwrap().set_len(size).unwrap();
    let mut mkfs = studio.other_program("mkfs.ext4");
    mkfs.args(["-q", "-b", "4096", "-N"])
        .arg((bits * 2 + 500).to_string())
        .arg(&image);
    mkfs.stdout(Stdio::null()).stderr(Stdio::null());
    if !mkfs.status().is_ok_and(|status| status.success()) {
        return report_skip("no ext4 can be made here");
    }
    let Some(disk) = MountedDisk::mount_image(&studio, "NAS", &image) else {
        return;
    };
    for number in 0..bits {
        let path = format!("WORK/footage/acme/spot/s{}/f{number}.exr", number % 20);
        studio.file(path, block(number));
    }
    studio.lines(&["copy acme/spot footage WORK NAS"]).ok();
    disk.unmount();
    flip_bits(&image, bits);
    let _disk = MountedDisk::mount_image(&studio, "NAS", &image).unwrap();
    let found = studio
        .json(&["verify all footage in NAS"])
        .status(3)
        .document();
    assert_eq!(found["databases"][0]["damaged"], bits);
    assert_eq!(found["items"].as_array().unwrap().len() as u64, bits);
    let healed = studio.json(&["heal acme/spot footage NAS"]).ok().document();
    assert_eq!(healed["files"], bits);
    let again = studio.json(&["verify all footage in NAS"]).ok().document();
    assert_eq!(
        (&again["databases"][0]["damaged"], &again["files"]),
        (&0.into(), &bits.into())
    );
    for number in 0..bits {
        let path = format!("NAS/footage/acme/spot/s{}/f{number}.exr", number % 20);
        assert_eq!(
            fs::read(studio.path(path)).unwrap(),
            block(number),
            "{number}"
        );
    }
}

/// Flips a bit in the data of each file.
fn flip_bits(image: &std::path::Path, bits: u64) {
    let content = fs::read(image).unwrap();
    let places: HashMap<&[u8], usize> = content
        .chunks(BLOCK)
        .enumerate()
        .map(|(place, data)| (&data[..16.min(data.len())], place))
        .collect();
    let file = fs::File::options().write(true).open(image).unwrap();
    for number in 0..bits {
        let data = block(number);
        let place = places[&data[..16]] * BLOCK;
        assert_eq!(content[place..place + BLOCK], data);
        let offset = usize::try_from(scatter(number ^ 0xabcd)).unwrap() % BLOCK;
        let flipped = data[offset] ^ 1 << (number % 8);
        file.write_all_at(&[flipped], (place + offset) as u64)
            .unwrap();
    }
    file.sync_all().unwrap();
}

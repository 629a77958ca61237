//! Real servers on this machine's own address, and the remotes of rclone that lead to them.

mod comparison;
mod process;
mod programs;
mod remotes;
mod s3;
mod self_test;
mod server;
mod sftp;
mod webdav;

pub(crate) use programs::{find, old_rclone, rclone};
pub(crate) use remotes::Remotes;
pub(crate) use server::{Server, free_port};

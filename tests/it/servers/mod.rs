//! Real servers on this machine's own address, and the remotes of rclone that lead to them.

mod checking;
mod process;
mod programs;
mod remotes;
mod s3;
mod server;
mod sftp;
mod webdav;
mod works;

pub(crate) use programs::{old_rclone, rclone};
pub(crate) use remotes::Remotes;
pub(crate) use server::Server;

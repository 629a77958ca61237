//! Overview of all tracked databases from the index alone: their clients and projects, and the status of each replica.
//!
//! A project has one replica per category and database. The fullest one is the measure for the others. An offline database
//! is `offline`, never `missing`.

mod content;
mod project;
mod summary;

pub use self::project::{
    add_holders, clients, example_project, known_projects, projects, unknown_name_error,
    visit_projects,
};
pub use self::summary::{ProjectSummary, ReplicaStatus, ReplicaSummary, compare};

//! Trust: how many copies of every file there are, on which media, how that is known, and what a policy demands of them.
//!
//! The index comes in; out come answers. `status` lists the projects that fall short of their policy, `safe` says whether a
//! copy may be removed. `place` groups the storages by their media, `copies` counts, `proof` says which evidence counts, and
//! `mend` says what to type. No file is read here.
//!
//! Rule: a copy counts only as far as it is proven, and two storages on one medium are one copy.

pub mod candidate;
pub mod card;
pub mod copies;
pub mod elsewhere;
mod folder;
pub mod mend;
pub mod place;
pub mod proof;
pub mod safe;
pub mod status;

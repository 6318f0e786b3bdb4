//! [`Migrator`], with one function for each thing the tool can do: the library's front door, which never prints.

mod adopt;
mod aside;
mod diff;
mod errors;
mod history;
mod inverses;
mod load;
mod look;
mod memory;
mod migrator;
mod rehearse;
mod repair;
mod rollback;
mod run;
mod scratch;
mod tell;
mod work;

pub use adopt::Keeper;
pub use errors::{of_config, of_connect};
pub use history::Wish;
pub use load::Scripts;
pub use migrator::{Migrator, NotReady};

//! One function for each thing the tool can do; the library's front door, which never prints.

mod errors;
mod load;
mod look;
mod run;
mod tell;
mod work;

pub use errors::{of_config, of_connect};
pub use load::{Scripts, load};
pub use run::{check, plan, run, verify, wait};

//! Flags, environment and `.env`, settled once into [`Settings`]; the only reader of the environment.
//!
//! Precedence: flag, then process environment, then `.env`, then default. A variable that is set but empty counts as
//! not set. Where `.env` names a variable twice, the later line holds. Nothing is written to the process environment.

mod dotenv;
mod error;
mod setting;
mod settings;
mod target;
mod until;
mod value;

pub use error::{ConfigError, Source};
pub use setting::{SETTINGS, Setting, SettingInfo, ValueKind};
pub use settings::{
    Color, Environment, FileReader, Flags, Format, Hooks, HouseRules, Limits, ReadFailure, Report, ScriptName,
    Selection, Settings, Verbosity, process_environment, read_file,
};
pub use target::{ScratchChoice, TargetChoice};
pub use until::Until;
pub use value::{format_duration, parse_age, parse_duration, parse_pages};

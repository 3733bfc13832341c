//! The commands, one file each.

mod accounts;
mod approve;
mod budget;
mod codecs;
mod cold;
mod courier;
mod demo;
mod doctor;
mod drill;
mod dump;
mod exposure;
mod front;
mod holder;
mod import;
mod incident;
mod init;
mod leaks;
mod ledger;
mod line;
mod link;
mod manage;
mod memory;
mod network;
mod orders;
mod pin;
mod question;
pub mod ranges;
mod serve;
mod session;
mod supervise;
mod unseal;
mod vault;
mod verify_report;
#[cfg(debug_assertions)]
mod wall_test;
mod walled;
mod warden;
mod witness;
mod workers;

use anyhow::Result;

pub use drill::DrillCommand;
pub use init::{read_passphrase, write_recovery_kit};
pub use unseal::UnsealCommand;

use crate::cli::{Cli, Command, FrontArgs, WardenArgs};

/// Runs a command.
pub fn run(cli: Cli) -> Result<()> {
    let (dir, format) = (cli.dir, cli.format);
    match cli.command {
        Command::Demo(arguments) => demo::demo(&arguments),
        Command::Init(arguments) => init::init(&dir, format, &arguments),
        Command::Serve(arguments) => serve::serve(&dir, &arguments),
        Command::Warden(WardenArgs { command: Some(command), .. }) => pin::of_warden(&dir, format, command),
        Command::Warden(arguments) => warden::warden(&dir, &arguments),
        Command::Front(FrontArgs { command: Some(command), .. }) => pin::of_front(&dir, format, command),
        Command::Front(arguments) => front::front(&dir, &arguments),
        Command::Line(arguments) => line::line(&dir, &arguments),
        Command::Codecs => codecs::codecs(),
        Command::Dump { stream } => dump::dump(stream),
        #[cfg(debug_assertions)]
        Command::WallTest(arguments) => wall_test::wall_test(&dir, &arguments),
        Command::Import(arguments) => import::import(&dir, format, &arguments.paths),
        Command::Settle => import::settle_command(&dir, format),
        Command::Org(command) => manage::org(&dir, format, command),
        Command::Person(command) => manage::person(&dir, format, command),
        Command::People(command) => accounts::people(&dir, format, command),
        Command::Device(command) => manage::device(&dir, format, command),
        Command::Relate(arguments) => manage::relate(&dir, format, &arguments),
        Command::Unrelate(arguments) => manage::unrelate(&dir, format, &arguments),
        Command::Move(arguments) => manage::move_study(&dir, format, &arguments),
        Command::Exposure(arguments) => exposure::exposure(&dir, format, &arguments),
        Command::Orders(command) => orders::orders(&dir, format, command),
        Command::Approve(command) => approve::approve(&dir, format, &command),
        Command::Propose(command) => approve::propose(&dir, format, &command),
        Command::Incident(command) => incident::incident(&dir, format, command),
        Command::Question(command) => question::question(&dir, format, command),
        Command::Cold(command) => cold::cold(&dir, format, command),
        Command::Shred(arguments) => cold::shred(&dir, format, &arguments),
        Command::Rotate => cold::rotate(&dir, format),
        Command::Findings(command) => budget::findings(&dir, format, command),
        Command::Budget(command) => budget::budget(&dir, format, command),
        Command::Honey(command) => budget::honey(&dir, format, command),
        Command::Leaks(command) => leaks::leaks(&dir, format, command),
        Command::Session(command) => session::session(&dir, format, command),
        Command::Link(command) => link::link(&dir, format, command),
        Command::Network(command) => network::network(&dir, format, command),
        Command::Ledger(command) => ledger::ledger(&dir, format, command),
        Command::Witness(command) => witness::witness(&dir, format, command),
        Command::Courier { until_stdin_closes } => courier::courier(&dir, until_stdin_closes),
        Command::Ranges(arguments) => ranges::ranges(&arguments),
        Command::Vault(command) => vault::vault(&dir, format, command),
        Command::Unseal(command) => unseal::unseal_command(&dir, format, command),
        Command::Drill(command) => drill::drill(format, command),
        Command::Doctor => doctor::doctor(&dir, format),
    }
}

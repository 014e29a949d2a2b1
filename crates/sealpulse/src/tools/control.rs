//! `load`, `unload`, `move`, `default`, `volume` and `mute`: what changes a server.

use std::error::Error;

use sealpulse_client::command::ModuleInfo;
use sealpulse_client::{ChannelVolumes, ClientError, Context, Wait};
use serde_json::json;

use super::error::{ToolError, While};
use super::lists::Lists;
use super::target::{Kind, Object, Objects};
use super::{list, server, volume as volumes};
use crate::cli::{
    DefaultOptions, DeviceKind, LoadOptions, MoveOptions, MuteOptions, MuteState, UnloadOptions,
    VolumeOptions,
};
use crate::table::{clean, print};

/// What every module's name begins with.
const MODULE: &str = "module-";

/// `sealpulse load`.
pub(crate) fn load(options: &LoadOptions) -> Result<(), Box<dyn Error>> {
    let name = match options.module.starts_with(MODULE) {
        true => options.module.clone(),
        false => format!("{MODULE}{}", options.module),
    };
    let arguments: Vec<String> = options.arguments.iter().map(|argument| quoted(argument)).collect();
    let arguments = arguments.join(" ");
    let context = server::connect(&options.server, "sealpulse load")?;
    let index = match context.load_module(&name, &arguments).wait() {
        Err(ClientError::Server { code: sealpulse_client::ErrorCode::NoEntity, .. }) => {
            return Err(format!("the server has no module {name}").into());
        }
        loaded => loaded.when(|| format!("load {}", format!("{name} {arguments}").trim_end()))?,
    };
    let text = if options.json { json!({ "index": index }).to_string() } else { index.to_string() };
    Ok(print(&format!("{text}\n"))?)
}

/// A module argument in the form that servers read: a value with spaces stands in quotes there.
fn quoted(argument: &str) -> String {
    let Some((name, value)) = argument.split_once('=') else { return argument.to_owned() };
    let is_quoted = |quote: char| value.len() > 1 && value.starts_with(quote) && value.ends_with(quote);
    let is_plain = |letter: char| !letter.is_whitespace() && !matches!(letter, '"' | '\'' | '\\');
    if is_quoted('"') || is_quoted('\'') || (!value.is_empty() && value.chars().all(is_plain)) {
        return argument.to_owned();
    }
    // Properties have quotes of their own, which not every server reads when they are escaped.
    if !value.contains(['\'', '\\']) && value.contains('"') {
        return format!("{name}='{value}'");
    }
    format!("{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// `sealpulse unload`.
pub(crate) fn unload(options: &UnloadOptions) -> Result<(), Box<dyn Error>> {
    let context = server::connect(&options.server, "sealpulse unload")?;
    let lists = Lists::everything(&context).wait().when(|| "list the modules".to_owned())?;
    for module in modules(&lists, &options.module, options.all)? {
        context
            .unload_module(module.index)
            .wait()
            .when(|| format!("unload {} {}", module.name, module.index))?;
    }
    Ok(())
}

/// The modules that `name` means.
fn modules<'a>(lists: &'a Lists, name: &str, all: bool) -> Result<Vec<&'a ModuleInfo>, ToolError> {
    let by_index = |index: u32| lists.modules.iter().find(|module| module.index == index);
    if let Some(module) = name.parse().ok().and_then(by_index) {
        return Ok(vec![module]);
    }
    let named: Vec<&ModuleInfo> = lists
        .modules
        .iter()
        .filter(|module| module.name == name || module.name.strip_prefix(MODULE) == Some(name))
        .collect();
    match named.len() {
        0 => {}
        1 => return Ok(named),
        _ if all => return Ok(named),
        _ => {
            let line = |module: &&ModuleInfo| {
                let arguments = clean(module.argument.as_deref().unwrap_or_default());
                format!("\n  {}  {} {arguments}", module.index, module.name).trim_end().to_owned()
            };
            let list = named.iter().map(line).collect();
            return Err(ToolError::SeveralModules { name: name.to_owned(), list });
        }
    }
    let of_sink = lists.sinks.iter().find(|sink| sink.name == name).map(|sink| sink.owner_module);
    let of_source =
        || lists.sources.iter().find(|source| source.name == name).map(|source| source.owner_module);
    match of_sink.or_else(of_source) {
        None => Err(ToolError::NoModule { name: clean(name) }),
        Some(owner) => match owner.and_then(by_index) {
            Some(module) => Ok(vec![module]),
            None => Err(ToolError::NotOfAModule { name: clean(name) }),
        },
    }
}

fn objects(context: &Context) -> Result<Objects, ToolError> {
    let lists = Lists::of_sound(context).wait().when(|| "list devices and streams".to_owned())?;
    Ok(Objects::new(&lists))
}

/// `sealpulse move`.
pub(crate) fn move_stream(options: &MoveOptions) -> Result<(), Box<dyn Error>> {
    let context = server::connect(&options.server, "sealpulse move")?;
    let objects = objects(&context)?;
    let stream = objects.find(&options.stream, &Kind::STREAMS, "stream")?;
    let wanted = stream.kind.device();
    let device = match objects.find(&options.device, &[wanted], wanted.name()) {
        Ok(device) => device,
        // Perhaps it is there, but is not of this kind.
        Err(error) => {
            return Err(match objects.find(&options.device, &Kind::DEVICES, "device") {
                Ok(other) => ToolError::WrongDevice {
                    stream: stream.kind,
                    wanted,
                    device: clean(&other.key()),
                    is: other.kind,
                },
                Err(_) => error.into(),
            }
            .into());
        }
    };
    move_to(&context, stream.kind, stream.index, device.index)
        .wait()
        .when(|| format!("move {stream} to {device}"))?;
    Ok(())
}

/// Moves a stream of this kind.
pub(super) async fn move_to(
    context: &Context,
    kind: Kind,
    index: u32,
    device: u32,
) -> Result<(), ClientError> {
    match kind {
        Kind::SourceOutput | Kind::Source => context.move_source_output(index, device).await,
        Kind::SinkInput | Kind::Sink => context.move_sink_input(index, device).await,
    }
}

/// `sealpulse default`.
pub(crate) fn default(options: &DefaultOptions) -> Result<(), Box<dyn Error>> {
    let context = server::connect(&options.server, "sealpulse default")?;
    if let (Some(kind), Some(name)) = (options.kind, &options.name) {
        let objects = objects(&context)?;
        let kind = match kind {
            DeviceKind::Sink => Kind::Sink,
            DeviceKind::Source => Kind::Source,
        };
        let device = objects.find(name, &[kind], kind.name())?;
        set_default(&context, kind, &device.key())
            .wait()
            .when(|| format!("make {device} the default {kind}"))?;
        return Ok(());
    }
    let info = context.server_info().wait().when(|| "ask for the defaults".to_owned())?;
    let shown = |name: &Option<String>| clean(name.as_deref().unwrap_or("-"));
    let (sink, source) = (&info.default_sink_name, &info.default_source_name);
    let text = match (options.json, options.kind) {
        (true, _) => json!({ "default_sink_name": sink, "default_source_name": source }).to_string(),
        (false, Some(DeviceKind::Sink)) => shown(sink),
        (false, Some(DeviceKind::Source)) => shown(source),
        (false, None) => format!("sink    {}\nsource  {}", shown(sink), shown(source)),
    };
    Ok(print(&format!("{text}\n"))?)
}

/// Makes a device the default one of its kind.
pub(super) async fn set_default(context: &Context, kind: Kind, name: &str) -> Result<(), ClientError> {
    match kind.device() {
        Kind::Source => context.set_default_source(name).await,
        _ => context.set_default_sink(name).await,
    }
}

/// `sealpulse volume`.
pub(crate) fn volume(options: &VolumeOptions) -> Result<(), Box<dyn Error>> {
    let context = server::connect(&options.server, "sealpulse volume")?;
    let objects = objects(&context)?;
    let object = objects.find(&options.target, &Kind::ALL, "device or stream")?;
    let Some(mut now) = object.volume else {
        return Err(ToolError::NoVolume { object: object.to_string() }.into());
    };
    if let Some(value) = &options.value {
        now = volumes::apply(value, &now, &object.map)
            .map_err(|error| ToolError::Volume { object: object.to_string(), error })?;
        set_volume(&context, object.kind, object.index, now)
            .wait()
            .when(|| format!("set the volume of {object}"))?;
    }
    let text = match (options.json, &options.value) {
        (true, _) => format!("{}\n", volume_json(object, &now)),
        (false, Some(_)) => String::new(),
        (false, None) => {
            let muted = if object.muted { ", muted" } else { "" };
            format!("{}{muted}\n", volumes::long(&now, &object.map))
        }
    };
    Ok(print(&text)?)
}

fn volume_json(object: &Object, now: &ChannelVolumes) -> serde_json::Value {
    json!({
        "kind": object.kind.name(),
        "index": object.index,
        "name": object.name,
        "mute": object.muted,
        "volume": list::volumes(now, &object.map),
    })
}

/// Sets the volume of a device or stream.
pub(super) async fn set_volume(
    context: &Context,
    kind: Kind,
    index: u32,
    volume: ChannelVolumes,
) -> Result<(), ClientError> {
    match kind {
        Kind::Sink => context.set_sink_volume(index, volume).await,
        Kind::Source => context.set_source_volume(index, volume).await,
        Kind::SinkInput => context.set_sink_input_volume(index, volume).await,
        Kind::SourceOutput => context.set_source_output_volume(index, volume).await,
    }
}

/// `sealpulse mute`.
pub(crate) fn mute(options: &MuteOptions) -> Result<(), Box<dyn Error>> {
    let context = server::connect(&options.server, "sealpulse mute")?;
    let objects = objects(&context)?;
    let object = objects.find(&options.target, &Kind::ALL, "device or stream")?;
    let muted = match options.state {
        MuteState::On => true,
        MuteState::Off => false,
        MuteState::Toggle => !object.muted,
    };
    set_mute(&context, object.kind, object.index, muted).wait().when(|| format!("mute {object}"))?;
    Ok(())
}

/// Mutes a device or stream, or lets it sound.
pub(super) async fn set_mute(
    context: &Context,
    kind: Kind,
    index: u32,
    muted: bool,
) -> Result<(), ClientError> {
    match kind {
        Kind::Sink => context.set_sink_mute(index, muted).await,
        Kind::Source => context.set_source_mute(index, muted).await,
        Kind::SinkInput => context.set_sink_input_mute(index, muted).await,
        Kind::SourceOutput => context.set_source_output_mute(index, muted).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_arguments_are_quoted_where_they_must_be() {
        assert_eq!(quoted("sink_name=a"), "sink_name=a");
        assert_eq!(quoted("sink_properties=device.description=a"), "sink_properties=device.description=a");
        assert_eq!(quoted("x="), "x=\"\"");
        assert_eq!(quoted("x=a b"), "x=\"a b\"");
        assert_eq!(quoted("x=\"a b\""), "x=\"a b\"");
        assert_eq!(quoted("x=d=\"My sink\""), "x='d=\"My sink\"'");
        assert_eq!(quoted("x=d='My sink'"), "x=\"d='My sink'\"");
        assert_eq!(quoted("flag"), "flag");
    }

    #[test]
    fn modules_are_found_by_index_name_and_device() {
        let module = |index, name: &str| ModuleInfo { index, name: name.to_owned(), ..ModuleInfo::default() };
        let sink = |name: &str, owner| sealpulse_client::command::SinkInfo {
            name: name.to_owned(),
            owner_module: owner,
            ..Default::default()
        };
        let lists = Lists {
            modules: vec![
                module(0, "module-null-sink"),
                module(1, "module-null-sink"),
                module(2, "module-x"),
            ],
            sinks: vec![sink("a", Some(1)), sink("b", None)],
            ..Lists::default()
        };
        let found = |name: &str, all| -> Result<Vec<u32>, String> {
            let found = modules(&lists, name, all).map_err(|error| error.to_string())?;
            Ok(found.iter().map(|module| module.index).collect())
        };
        assert_eq!(found("2", false), Ok(vec![2]));
        assert_eq!(found("x", false), Ok(vec![2]));
        assert_eq!(found("a", false), Ok(vec![1]));
        assert_eq!(found("null-sink", true), Ok(vec![0, 1]));
        let error = found("null-sink", false).unwrap_err();
        assert!(error.contains("fits 2 modules") && error.contains("\n  1  module-null-sink"), "{error}");
        assert!(found("7", false).unwrap_err().contains("no module `7`"));
        assert!(found("b", false).unwrap_err().contains("server itself"));
    }
}

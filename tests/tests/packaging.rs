//! What is installed, how, and what is left when it goes: `make install`, the Debian package in a root of its own, and the
//! units of systemd.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sealpulse_tests::sealpulse;
use tempfile::TempDir;

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().current_dir(REPOSITORY).stdin(Stdio::null());
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin")).env("LC_ALL", "C");
    // A package that is built for a test need not be small.
    command.env("DPKG_DEB_COMPRESSOR_TYPE", "none");
    command
}

/// Runs a command that has to succeed; its standard output.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

fn built() -> &'static Path {
    sealpulse().parent().expect("the program lies in a directory")
}

fn make_install(arguments: &[String]) {
    let mut make = command("make");
    make.args(["--silent", "install"]).arg(format!("PROGRAM={}", built().display())).args(arguments);
    run(&mut make);
}

/// The files below a directory, by their paths from there.
fn files(directory: &Path) -> Vec<String> {
    let found = run(command("find").current_dir(directory).args(["-mindepth", "1", "-printf", "%P\n"]));
    let mut found: Vec<String> = found.lines().map(str::to_owned).collect();
    found.sort();
    found
}

/// A root of its own with dpkg's database and nothing installed.
struct Root(TempDir);

impl Root {
    fn new() -> Root {
        let root = Root(tempfile::tempdir().expect("/tmp is there"));
        for folder in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "usr/bin", "etc"]
        {
            fs::create_dir_all(root.path(folder)).expect("it can be made");
        }
        fs::write(root.path("var/lib/dpkg/status"), "").expect("it can be written");
        root
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn dpkg(&self, arguments: &[&str]) {
        let mut dpkg = command("dpkg");
        dpkg.arg("--root").arg(self.0.path()).arg("--log=/dev/null");
        // The libraries are not there, and neither is a shell.
        dpkg.args(["--force-not-root", "--force-script-chrootless", "--force-depends"]);
        run(dpkg.args(arguments));
    }

    fn install(&self, package: &Path) {
        self.dpkg(&["--install", &package.display().to_string()]);
    }

    /// Chooses, takes back, or asks.
    fn as_pulseaudio(&self, what: &str) -> String {
        run(command(self.path("usr/sbin/sealpulse-as-pulseaudio")).arg(what).env("DPKG_ROOT", self.0.path()))
    }

    /// What is in `usr` and `etc`: all but dpkg's database.
    fn installed(&self) -> Vec<String> {
        [files(&self.path("usr")), files(&self.path("etc"))].concat()
    }

    fn pulseaudio(&self) -> String {
        fs::read_to_string(self.path("usr/bin/pulseaudio")).expect("it is there")
    }

    /// Installs a package `pulseaudio` of this version, whose program is its version.
    fn install_pulseaudio(&self, version: &str) {
        let source = tempfile::tempdir().expect("/tmp is there");
        let tree = source.path().join("tree");
        fs::create_dir_all(tree.join("DEBIAN")).expect("it can be made");
        fs::set_permissions(tree.join("DEBIAN"), fs::Permissions::from_mode(0o755)).expect("it is ours");
        fs::create_dir_all(tree.join("usr/bin")).expect("it can be made");
        let control = format!(
            "Package: pulseaudio\nVersion: {version}\nArchitecture: all\nMaintainer: nobody <n@localhost>\n\
             Description: sound server\n"
        );
        fs::write(tree.join("DEBIAN/control"), control).expect("it can be written");
        fs::write(tree.join("usr/bin/pulseaudio"), version).expect("it can be written");
        let package = source.path().join("pulseaudio.deb");
        run(command("dpkg-deb").args(["--root-owner-group", "--build"]).arg(&tree).arg(&package));
        self.install(&package);
    }
}

/// The package, in a directory that goes with the first.
fn package() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("/tmp is there");
    let mut build = command(Path::new(REPOSITORY).join("packaging/build-deb"));
    let printed = run(build.arg(built()).arg(directory.path()));
    (directory, PathBuf::from(printed.trim()))
}

#[test]
fn what_is_installed_runs() {
    let root = tempfile::tempdir().expect("/tmp is there");
    let prefix = root.path().join("prefix");
    make_install(&[format!("PREFIX={}", prefix.display())]);
    let help = run(command(prefix.join("bin/sealpulse")).arg("--help"));
    assert!(help.contains("serve"), "{help}");
    let modules = run(command(prefix.join("lib/sealpulse/pulseaudio"))
        .arg("--dump-modules")
        .env("XDG_RUNTIME_DIR", root.path()));
    assert!(modules.contains("module-null-sink"), "{modules}");
    for file in [
        "share/man/man1/sealpulse.1",
        "share/man/man1/sealpulse-serve.1",
        "share/bash-completion/completions/sealpulse",
        "share/zsh/site-functions/_sealpulse",
        "share/fish/vendor_completions.d/sealpulse.fish",
        "share/doc/sealpulse/LICENSE-MIT",
        "share/doc/sealpulse/LICENSE-APACHE",
        "share/doc/sealpulse/installing.md",
    ] {
        assert!(prefix.join(file).is_file(), "{file}");
    }
}

#[test]
fn the_units_are_valid() {
    let root = tempfile::tempdir().expect("/tmp is there");
    let prefix = root.path().join("prefix");
    make_install(&[format!("PREFIX={}", prefix.display())]);
    let units =
        ["sealpulse.service", "sealpulse.socket"].map(|unit| prefix.join("lib/systemd/user").join(unit));
    let mut verify = command("systemd-analyze");
    verify.args(["verify", "--user", "--man=no"]).args(&units);
    verify.env("HOME", root.path()).env("XDG_RUNTIME_DIR", root.path());
    let output = verify.output().expect("systemd-analyze, of Debian's systemd, is there");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
    // The socket is where applications look, and the service takes it over.
    let text = |unit: &Path| fs::read_to_string(unit).expect("it is there");
    assert!(text(&units[1]).contains("ListenStream=%t/pulse/native"));
    let start = format!("ExecStart={}/bin/sealpulse serve", prefix.display());
    assert!(text(&units[0]).contains("Type=notify") && text(&units[0]).contains(&start));
}

#[test]
fn the_package_comes_and_goes() {
    let (_directory, package) = package();
    let root = Root::new();
    fs::write(root.path("usr/bin/pulseaudio"), "another").expect("it can be written");
    let before = root.installed();
    root.install(&package);
    assert_eq!(root.pulseaudio(), "another", "installing chooses nothing");
    assert!(root.as_pulseaudio("status").starts_with("off"));
    let installed = root.installed();
    for file in [
        "bin/sealpulse",
        "lib/sealpulse/pulseaudio",
        "lib/systemd/user/sealpulse.socket",
        "sbin/sealpulse-as-pulseaudio",
        "share/doc/sealpulse/copyright",
        "share/man/man1/sealpulse.1.gz",
        "share/man/man8/sealpulse-as-pulseaudio.8.gz",
        "share/zsh/vendor-completions/_sealpulse",
    ] {
        assert!(installed.iter().any(|there| there == file), "{file}: {installed:?}");
    }
    let modes =
        run(command("find").args(["-perm", "/022", "!", "-type", "l"]).current_dir(root.path("usr/lib")));
    assert_eq!(modes, "", "only their owner may change them");
    root.dpkg(&["--remove", "sealpulse"]);
    assert_eq!(root.installed(), before);
    root.install(&package);
    root.dpkg(&["--purge", "sealpulse"]);
    assert_eq!(root.installed(), before);
    assert_eq!(root.pulseaudio(), "another");
}

#[test]
fn it_is_chosen_and_taken_back() {
    let (_directory, package) = package();
    let root = Root::new();
    root.install_pulseaudio("16.1");
    let before = root.installed();
    root.install(&package);
    assert_eq!(root.pulseaudio(), "16.1");
    for _ in 0..2 {
        root.as_pulseaudio("on");
        assert!(root.as_pulseaudio("status").starts_with("on"));
        let chosen = fs::canonicalize(root.path("usr/bin/pulseaudio")).expect("it points to a file");
        let ours = fs::canonicalize(root.path("usr/bin/sealpulse")).expect("it is there");
        assert_eq!(chosen, ours);
        // Once more is as good as once.
        root.as_pulseaudio("on");
    }
    // The other package's upgrades go on, out of the way; ours changes nothing.
    root.install_pulseaudio("17.0");
    root.install(&package);
    assert!(root.as_pulseaudio("status").starts_with("on"));
    root.as_pulseaudio("off");
    root.as_pulseaudio("off");
    assert_eq!(root.pulseaudio(), "17.0");
    // What goes takes its choice along.
    root.as_pulseaudio("on");
    let enable = ["--quiet", "--global", "enable", "sealpulse.socket", "sealpulse.service"];
    run(command("systemctl").arg("--root").arg(root.0.path()).args(enable));
    root.dpkg(&["--remove", "sealpulse"]);
    assert_eq!(root.pulseaudio(), "17.0");
    let left: Vec<String> =
        root.installed().into_iter().filter(|there| !there.starts_with("systemd")).collect();
    assert_eq!(left, before);
    assert!(files(&root.path("etc/systemd/user")).is_empty(), "nothing points to units that are gone");
}

#[test]
fn where_nothing_was_there_nothing_is_left() {
    let (_directory, package) = package();
    let root = Root::new();
    root.install(&package);
    root.as_pulseaudio("on");
    assert!(root.path("usr/bin/pulseaudio").exists());
    // A package that comes later finds its place kept.
    root.install_pulseaudio("16.1");
    root.dpkg(&["--purge", "sealpulse"]);
    assert_eq!(root.pulseaudio(), "16.1");
    root.dpkg(&["--purge", "pulseaudio"]);
    assert!(!root.path("usr").exists(), "{:?}", root.installed());
}

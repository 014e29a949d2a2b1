//! A browser plays and records, as Debian ships it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use sealpulse_tests::samples::{channel as channel_of, fit_sine, sine, sounding, wav};
use sealpulse_tests::{Application, Client, Kind, Recorder, Server, ServerOptions, Transport};

const RATE: u32 = 48_000;

/// What a page may take to say something: a browser starts slowly on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Plays a tone for as long as it is open.
const PLAYS: &str = "
const context = new AudioContext({ sampleRate: 48000 });
const tone = new OscillatorNode(context, { frequency: 441 });
const gain = new GainNode(context, { gain: 0.25 });
tone.connect(gain).connect(context.destination);
tone.start();
say('playing');
";

/// Opens the microphone that is described so, and says which tone it hears.
const RECORDS: &str = "
const permission = await navigator.mediaDevices.getUserMedia({ audio: true });
permission.getTracks().forEach(track => track.stop());
const devices = await navigator.mediaDevices.enumerateDevices();
const microphones = devices.filter(device => device.kind == 'audioinput');
say('microphones ' + microphones.map(device => device.label).join('|'));
const microphone = microphones.find(device => device.label == 'Ear of the test');
const exact = { deviceId: { exact: microphone.deviceId }, echoCancellation: false, noiseSuppression: false,
                autoGainControl: false };
const stream = await navigator.mediaDevices.getUserMedia({ audio: exact });
const context = new AudioContext({ sampleRate: 48000 });
const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
new MediaStreamAudioSourceNode(context, { mediaStream: stream }).connect(analyser);
const bins = new Float32Array(analyser.frequencyBinCount);
const listen = () => {
  analyser.getFloatFrequencyData(bins);
  let loudest = 0;
  bins.forEach((level, bin) => { if (level > bins[loudest]) loudest = bin; });
  if (bins[loudest] > -40) say('heard ' + loudest * 48000 / 8192);
  else setTimeout(listen, 50);
};
listen();
";

/// A page, and what its script says.
struct Page {
    url: String,
    said: Receiver<String>,
}

impl Page {
    fn new(script: &str) -> Page {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        // Browsers give microphones only to this name, or by TLS.
        let url = format!("http://localhost:{}/", listener.local_addr().expect("it is bound").port());
        let html = format!(
            "<script type=module>\nconst say = text => fetch('/said', {{ method: 'POST', body: text }});\n\
             try {{ {script} }} catch (error) {{ say('error ' + error); }}\n</script>"
        );
        let (speaker, said) = channel();
        // It ends with the test.
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (html, speaker) = (html.clone(), speaker.clone());
                std::thread::spawn(move || answer(&connection, &html, &speaker));
            }
        });
        Page { url, said }
    }

    /// The next thing that it says, which begins so; the rest.
    fn says(&self, beginning: &str, browser: &Application) -> String {
        let said = self.said.recv_timeout(PATIENCE);
        let said = said.unwrap_or_else(|_| panic!("nothing was said; the browser: {}", browser.errors()));
        let rest = said.strip_prefix(beginning);
        rest.unwrap_or_else(|| panic!("`{said}`; the browser: {}", browser.errors())).trim().to_owned()
    }
}

/// Answers one request, and closes.
fn answer(connection: &TcpStream, html: &str, speaker: &Sender<String>) {
    let mut reader = BufReader::new(connection);
    let mut length = 0;
    let mut request = String::new();
    if reader.read_line(&mut request).is_err() {
        return;
    }
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(count) if count > 2 => {}
            _ => break,
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    let _ = reader.read_exact(&mut body);
    let content = if request.starts_with("POST") {
        let _ = speaker.send(String::from_utf8_lossy(&body).into_owned());
        ""
    } else {
        html
    };
    let mut connection = connection;
    let _ = write!(
        connection,
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{content}",
        content.len()
    );
}

fn browse(client: &Client, page: &Page) -> Application {
    let profile = format!("--user-data-dir={}", client.path("profile").display());
    let options = [
        "--headless=new",
        // Root needs it, and so do containers.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-breakpad",
        "--autoplay-policy=no-user-gesture-required",
        "--use-fake-ui-for-media-stream",
    ];
    client.start("chromium", &[&options[..], &[&profile, &page.url]].concat())
}

fn server() -> Server {
    ServerOptions::new(&[
        "module-null-sink sink_name=speakers rate=48000 format=float32le",
        "module-virtual-mic source_name=ear feed_sink_name=feed \
         source_properties='device.description=\"Ear of the test\"'",
    ])
    .kind(Kind::Sealpulse)
    .start()
}

#[test]
fn chromium_plays_by_webaudio() {
    let server = server();
    let client = server.client(Transport::Memfd);
    client.pactl(&["set-default-sink", "speakers"]);
    let page = Page::new(PLAYS);
    let recorder = Recorder::start(&client, "speakers.monitor", "float32le", RATE, 2);
    let mut browser = browse(&client, &page);
    page.says("playing", &browser);
    // The tone begins somewhere in here; what comes later is in its middle.
    let quiet = |bytes: &[u8]| channel_of(bytes, 2, 0).iter().all(|sample| sample.abs() < 0.2);
    while quiet(&recorder.bytes()) {
        recorder.wait_more(u64::from(RATE));
    }
    recorder.wait_more(u64::from(3 * RATE * 8));
    let heard = channel_of(&recorder.bytes(), 2, 0);
    let sound = sounding(&heard, 0.01);
    let middle = &sound[sound.len() / 2..][..RATE as usize / 2];
    let fit = fit_sine(middle, 441.0, RATE);
    assert!((fit.amplitude - 0.25).abs() < 0.01, "{fit:?}");
    browser.terminate();
}

#[test]
fn chromium_records_from_the_virtual_microphone() {
    let server = server();
    let client = server.client(Transport::Memfd);
    let tone = client.path("tone.wav");
    let samples = sine(1_500.0, 0.5, RATE, 2, 120.0);
    std::fs::write(&tone, wav(&samples, RATE, 2)).expect("it can be written");
    let _player = client.start("paplay", &["--device=feed", &tone.display().to_string()]);
    let page = Page::new(RECORDS);
    let mut browser = browse(&client, &page);
    let microphones = page.says("microphones", &browser);
    assert!(microphones.split('|').any(|label| label == "Ear of the test"), "{microphones}");
    let frequency: f64 = page.says("heard", &browser).parse().expect("it is a number");
    assert!((frequency - 1_500.0).abs() < 12.0, "{frequency} Hz");
    browser.terminate();
}

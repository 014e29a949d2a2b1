//! Pure sound: sample formats, volume, mixing, remixing and resampling.

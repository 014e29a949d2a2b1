//! What handles of streams of both directions can do alike.

/// The methods of a handle with the fields `handle` and `spec`.
macro_rules! common_methods {
    ($stream:ident, $own:literal, $device:literal) => {
        impl $stream {
            /// The samples, as the server took them.
            pub fn spec(&self) -> SampleSpec {
                self.spec
            }

            /// The channels, as the server took them.
            pub fn map(&self) -> ChannelMap {
                let usual = || ChannelMap::default_for(self.spec.channels);
                self.handle.look(|stream| stream.map).unwrap_or_else(|_| usual())
            }

            #[doc = concat!("The ", $own, "'s index.")]
            pub fn index(&self) -> u32 {
                self.handle.look(|stream| stream.index).unwrap_or(u32::MAX)
            }

            #[doc = concat!("The ", $device, "'s index and name. Unknown before version 12 of the protocol.")]
            pub fn device(&self) -> (Option<u32>, Option<String>) {
                self.handle.look(|stream| (stream.device, stream.device_name.clone())).unwrap_or_default()
            }

            /// The lengths of the buffer, as the server chose them.
            pub fn buffer(&self) -> Buffer {
                self.handle.look(|stream| stream.buffer).unwrap_or_default()
            }

            /// Whether the stream is corked.
            pub fn is_corked(&self) -> bool {
                self.handle.look(|stream| stream.corked).unwrap_or(true)
            }

            #[doc = concat!("Whether the ", $device, " is suspended.")]
            pub fn is_suspended(&self) -> bool {
                self.handle.look(|stream| stream.suspended).unwrap_or(true)
            }

            /// Why the stream has ended, if it has.
            pub fn ended(&self) -> Option<ClientError> {
                self.handle.look(|stream| stream.ended.clone()).unwrap_or(Some(ClientError::NotConnected))
            }

            /// Asks the server where the stream is.
            ///
            /// # Errors
            /// Those of [`Context::request`](crate::Context::request), or why the stream has ended.
            pub async fn timing(&self) -> Result<Timing, ClientError> {
                self.handle.timing().await
            }

            /// The next thing that happens to the stream; none after [`StreamEvent::Ended`].
            pub async fn event(&self) -> Option<StreamEvent> {
                poll_fn(|context| self.handle.poll_event(context)).await
            }

            /// What happens to the stream, as a [`futures_core::Stream`].
            pub fn events(&self) -> Events<'_> {
                Events(&self.handle)
            }
        }
    };
}
pub(crate) use common_methods;

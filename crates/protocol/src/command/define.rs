//! The macro that makes a struct of a field list, with its encoder, decoder, defaults and documentation.

/// Defines structs whose fields stand on the wire in the order of the list.
///
/// After a field's type, in brackets, in this order: `since N` or `until N` (versions that have it), `as
/// Codec` (another form on the wire), `else value` (what a reader sees where the version lacks it, if not the
/// type's [`Field::absent`](crate::field::Field::absent)).
macro_rules! tagstruct {
    () => {};
    ($(#[$meta:meta])* $name:ident; $($rest:tt)*) => {
        $crate::command::define::tagstruct! { $(#[$meta])* $name {} $($rest)* }
    };
    (
        $(#[$meta:meta])*
        $name:ident {
            $($(#[$field_meta:meta])* $field:ident: $ty:ty $([$($gate:tt)+])?,)*
        }
        $($rest:tt)*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $(
                $(#[$field_meta])*
                $(#[doc = $crate::command::define::gate!(@doc $($gate)+)])?
                pub $field: $ty,
            )*
        }

        impl $crate::field::Field for $name {
            #[allow(unused_variables, reason = "some have no fields")]
            fn encode(&self, writer: &mut $crate::tagstruct::Writer) {
                $($crate::command::define::gate!(@encode self.$field, $ty, writer, $($($gate)+)?);)*
            }

            #[allow(unused_variables, reason = "some have no fields")]
            fn decode(
                reader: &mut $crate::tagstruct::Reader<'_>,
            ) -> Result<Self, $crate::tagstruct::TagstructError> {
                Ok(Self {
                    $($field: $crate::command::define::gate!(@decode $ty, reader, $($($gate)+)?),)*
                })
            }

            fn absent() -> Self {
                Self { $($field: $crate::command::define::gate!(@absent $ty, $($($gate)+)?),)* }
            }
        }

        impl $crate::code::Described for $name {
            const FIELDS: &'static [$crate::code::FieldInfo] = &[
                $($crate::code::FieldInfo {
                    name: stringify!($field),
                    since: $crate::command::define::gate!(@since $($($gate)+)?),
                    until: $crate::command::define::gate!(@until $($($gate)+)?),
                },)*
            ];
        }

        impl Default for $name {
            fn default() -> Self {
                $crate::field::Field::absent()
            }
        }

        #[cfg(test)]
        impl $crate::testing::Sample for $name {
            #[allow(unused_variables, reason = "some have no fields")]
            fn sample(entropy: &mut $crate::testing::Entropy<'_>) -> Self {
                Self { $($field: $crate::testing::Sample::sample(entropy),)* }
            }

            #[allow(unused_variables, reason = "some have no fields")]
            fn seen_by(self, version: u32) -> Self {
                Self {
                    $($field: if $crate::command::define::gate!(@has version, $($($gate)+)?) {
                        <$crate::command::define::gate!(@codec $($($gate)+)?)
                            as $crate::field::Codec<$ty>>::seen_by(self.$field, version)
                    } else {
                        $crate::command::define::gate!(@absent $ty, $($($gate)+)?)
                    },)*
                }
            }
        }

        $crate::command::define::tagstruct! { $($rest)* }
    };
}

/// What the brackets after a field mean.
macro_rules! gate {
    (@has $version:expr, since $since:literal $($rest:tt)*) => { $version >= $since };
    (@has $version:expr, until $until:literal $($rest:tt)*) => { $version < $until };
    (@has $version:expr, $($rest:tt)*) => { true };

    (@codec since $since:literal $($rest:tt)*) => { $crate::command::define::gate!(@codec $($rest)*) };
    (@codec until $until:literal $($rest:tt)*) => { $crate::command::define::gate!(@codec $($rest)*) };
    (@codec as $codec:ident $($rest:tt)*) => { $crate::field::$codec };
    (@codec $($rest:tt)*) => { $crate::field::Plain };

    (@absent $ty:ty, since $since:literal $($rest:tt)*) => {
        $crate::command::define::gate!(@absent $ty, $($rest)*)
    };
    (@absent $ty:ty, until $until:literal $($rest:tt)*) => {
        $crate::command::define::gate!(@absent $ty, $($rest)*)
    };
    (@absent $ty:ty, as $codec:ident $($rest:tt)*) => {
        $crate::command::define::gate!(@absent $ty, $($rest)*)
    };
    (@absent $ty:ty, else $value:expr) => { $value };
    (@absent $ty:ty,) => { <$ty as $crate::field::Field>::absent() };

    (@encode $value:expr, $ty:ty, $writer:ident, $($gate:tt)*) => {
        if $crate::command::define::gate!(@has $writer.version(), $($gate)*) {
            <$crate::command::define::gate!(@codec $($gate)*) as $crate::field::Codec<$ty>>::encode(
                &$value, $writer,
            );
        }
    };
    (@decode $ty:ty, $reader:ident, $($gate:tt)*) => {
        if $crate::command::define::gate!(@has $reader.version(), $($gate)*) {
            <$crate::command::define::gate!(@codec $($gate)*) as $crate::field::Codec<$ty>>::decode($reader)?
        } else {
            $crate::command::define::gate!(@absent $ty, $($gate)*)
        }
    };

    (@since since $since:literal $($rest:tt)*) => { Some($since) };
    (@since $($rest:tt)*) => { None };

    (@until until $until:literal $($rest:tt)*) => { Some($until) };
    (@until $($rest:tt)*) => { None };

    (@doc since $since:literal $($rest:tt)*) => { concat!("\n\nSince version ", $since, ".") };
    (@doc until $until:literal $($rest:tt)*) => { concat!("\n\nOnly before version ", $until, ".") };
    (@doc $($rest:tt)*) => { "" };
}

pub(crate) use gate;
pub(crate) use tagstruct;

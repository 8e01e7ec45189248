//! Words to choose from on the command line: any word is taken there, so that `config` can name a wrong one together
//! with all other mistakes. Help and completions list what is allowed all the same.

use std::ffi::OsStr;
use std::marker::PhantomData;

use clap::builder::{PossibleValue, TypedValueParser, ValueParserFactory};
use clap::{Arg, Command, Error, ValueEnum};
use leader_elector_core::gist::harmless;

/// What was chosen; or the word that is none of those allowed.
#[derive(Clone, Debug)]
pub struct Choice<E>(Result<E, String>);

impl<E: ValueEnum + 'static> Choice<E> {
    /// What was chosen.
    ///
    /// # Errors
    /// Names the field, the value and what is allowed.
    pub fn chosen(&self, field: &str) -> Result<E, String> {
        self.0.clone().map_err(|given| {
            let allowed: Vec<_> = words::<E>().map(|word| word.get_name().to_owned()).collect();
            format!("{field} is `{}`: allowed are {}", harmless(&given), allowed.join(", "))
        })
    }
}

/// Makes a [`Choice`] of a word.
#[derive(Clone, Debug)]
pub struct Chooser<E>(PhantomData<E>);

impl<E: ValueEnum + Send + Sync + 'static> ValueParserFactory for Choice<E> {
    type Parser = Chooser<E>;

    fn value_parser() -> Chooser<E> {
        Chooser(PhantomData)
    }
}

impl<E: ValueEnum + Send + Sync + 'static> TypedValueParser for Chooser<E> {
    type Value = Choice<E>;

    fn parse_ref(&self, _: &Command, _: Option<&Arg>, value: &OsStr) -> Result<Choice<E>, Error> {
        let word = value.to_string_lossy();
        Ok(Choice(E::from_str(&word, false).map_err(|_| word.into_owned())))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(words::<E>()))
    }
}

fn words<E: ValueEnum + 'static>() -> impl Iterator<Item = PossibleValue> {
    E::value_variants().iter().filter_map(ValueEnum::to_possible_value)
}

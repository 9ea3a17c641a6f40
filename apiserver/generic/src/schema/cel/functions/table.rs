//! All functions: those of CEL, and those that kube-apiserver adds for validation rules.

use super::{
    Kind::{
        self, Any, Bool, Bytes, Double, Duration, Foreign, Held, Int, ItemOfFirst, List, Map, Optional, Quantity, Same,
        Text, Texts, Timestamp, Type, Uint, Url,
    },
    Row, Run,
    Style::{self, Function, Method},
    conversions as to, lists, optionals, quantities, texts, times, urls,
};

/// The overloads of this name, called in this way with this many arguments.
pub(in super::super) fn rows(name: &str, style: Style, arguments: usize) -> Vec<&'static Row> {
    let is_meant = |row: &&Row| row.name == name && row.style == style && row.takes.len() == arguments;
    ROWS.iter().copied().flatten().filter(is_meant).collect()
}

/// Whether there is any function of this name.
pub(in super::super) fn is_known(name: &str) -> bool {
    ROWS.iter().copied().flatten().any(|row| row.name == name)
}

const ROWS: &[&[Row]] = &[
    CORE,
    CONVERSIONS,
    TIMES,
    TEXTS,
    LISTS,
    OPTIONALS,
    QUANTITIES,
    URLS,
    FOREIGN,
];

const fn row(name: &'static str, style: Style, takes: &'static [Kind], gives: Kind, run: Own) -> Row {
    let run = Run::Own(run);
    Row {
        name,
        style,
        takes,
        gives,
        run,
    }
}

const fn foreign(name: &'static str, style: Style, takes: &'static [Kind], gives: Kind) -> Row {
    let run = Run::Library;
    Row {
        name,
        style,
        takes,
        gives,
        run,
    }
}

type Own = for<'a> fn(&[super::Value<'a>], &mut super::Budget) -> Result<super::Value<'a>, super::Fault>;

const CORE: &[Row] = &[
    row("size", Function, &[Text], Int, texts::size),
    row("size", Function, &[Bytes], Int, texts::size),
    row("size", Function, &[List], Int, lists::size),
    row("size", Function, &[Map], Int, lists::size),
    row("size", Method, &[Text], Int, texts::size),
    row("size", Method, &[Bytes], Int, texts::size),
    row("size", Method, &[List], Int, lists::size),
    row("size", Method, &[Map], Int, lists::size),
    row("contains", Method, &[Text, Text], Bool, texts::contains),
    row("startsWith", Method, &[Text, Text], Bool, texts::starts_with),
    row("endsWith", Method, &[Text, Text], Bool, texts::ends_with),
    row("matches", Method, &[Text, Text], Bool, texts::matches),
    row("matches", Function, &[Text, Text], Bool, texts::matches),
    row("find", Method, &[Text, Text], Text, texts::find),
    row("findAll", Method, &[Text, Text], Texts, texts::find_all),
    row("findAll", Method, &[Text, Text, Int], Texts, texts::find_all),
];

const CONVERSIONS: &[Row] = &[
    row("type", Function, &[Any], Type, to::type_of),
    row("dyn", Function, &[Any], Any, to::dynamic),
    row("int", Function, &[Any], Int, to::int),
    row("uint", Function, &[Any], Uint, to::uint),
    row("double", Function, &[Any], Double, to::double),
    row("bool", Function, &[Any], Bool, to::bool),
    foreign("string", Function, &[Foreign], Text),
    row("string", Function, &[Any], Text, to::string),
    row("bytes", Function, &[Any], Bytes, to::bytes),
    row("duration", Function, &[Any], Duration, to::duration),
    row("timestamp", Function, &[Any], Timestamp, to::timestamp),
];

const TIMES: &[Row] = &[
    row("getFullYear", Method, &[Timestamp], Int, times::year),
    row("getFullYear", Method, &[Timestamp, Text], Int, times::year),
    row("getMonth", Method, &[Timestamp], Int, times::month),
    row("getMonth", Method, &[Timestamp, Text], Int, times::month),
    row("getDate", Method, &[Timestamp], Int, times::date),
    row("getDate", Method, &[Timestamp, Text], Int, times::date),
    row("getDayOfMonth", Method, &[Timestamp], Int, times::day_of_month),
    row("getDayOfMonth", Method, &[Timestamp, Text], Int, times::day_of_month),
    row("getDayOfWeek", Method, &[Timestamp], Int, times::day_of_week),
    row("getDayOfWeek", Method, &[Timestamp, Text], Int, times::day_of_week),
    row("getDayOfYear", Method, &[Timestamp], Int, times::day_of_year),
    row("getDayOfYear", Method, &[Timestamp, Text], Int, times::day_of_year),
    row("getHours", Method, &[Timestamp], Int, times::hours),
    row("getHours", Method, &[Timestamp, Text], Int, times::hours),
    row("getHours", Method, &[Duration], Int, times::whole_hours),
    row("getMinutes", Method, &[Timestamp], Int, times::minutes),
    row("getMinutes", Method, &[Timestamp, Text], Int, times::minutes),
    row("getMinutes", Method, &[Duration], Int, times::whole_minutes),
    row("getSeconds", Method, &[Timestamp], Int, times::seconds),
    row("getSeconds", Method, &[Timestamp, Text], Int, times::seconds),
    row("getSeconds", Method, &[Duration], Int, times::whole_seconds),
    row("getMilliseconds", Method, &[Timestamp], Int, times::milliseconds),
    row("getMilliseconds", Method, &[Timestamp, Text], Int, times::milliseconds),
    row("getMilliseconds", Method, &[Duration], Int, times::sub_milliseconds),
];

const TEXTS: &[Row] = &[
    row("charAt", Method, &[Text, Int], Text, texts::char_at),
    row("indexOf", Method, &[Text, Text], Int, texts::index_of),
    row("indexOf", Method, &[Text, Text, Int], Int, texts::index_of),
    row("lastIndexOf", Method, &[Text, Text], Int, texts::last_index_of),
    row("lastIndexOf", Method, &[Text, Text, Int], Int, texts::last_index_of),
    row("lowerAscii", Method, &[Text], Text, texts::lower),
    row("upperAscii", Method, &[Text], Text, texts::upper),
    row("replace", Method, &[Text, Text, Text], Text, texts::replace),
    row("replace", Method, &[Text, Text, Text, Int], Text, texts::replace),
    row("split", Method, &[Text, Text], Texts, texts::split),
    row("split", Method, &[Text, Text, Int], Texts, texts::split),
    row("join", Method, &[List], Text, texts::join),
    row("join", Method, &[List, Text], Text, texts::join),
    row("substring", Method, &[Text, Int], Text, texts::substring),
    row("substring", Method, &[Text, Int, Int], Text, texts::substring),
    row("trim", Method, &[Text], Text, texts::trim),
    row("strings.quote", Function, &[Text], Text, texts::quote),
    foreign("format", Method, &[Text, List], Text),
];

const LISTS: &[Row] = &[
    row("isSorted", Method, &[List], Bool, lists::is_sorted),
    row("sum", Method, &[List], ItemOfFirst, lists::sum),
    row("min", Method, &[List], ItemOfFirst, lists::min),
    row("max", Method, &[List], ItemOfFirst, lists::max),
    row("indexOf", Method, &[List, Any], Int, lists::index_of),
    row("lastIndexOf", Method, &[List, Any], Int, lists::last_index_of),
    row("includes", Method, &[List, Any], Bool, lists::includes),
    row("slice", Method, &[List, Int, Int], Same, lists::slice),
    row("flatten", Method, &[List], List, lists::flatten),
    row("flatten", Method, &[List, Int], List, lists::flatten),
    row("distinct", Method, &[List], Same, lists::distinct),
    row("reverse", Method, &[List], Same, lists::reverse),
    row("sort", Method, &[List], Same, lists::sort),
    row("first", Method, &[List], Optional, lists::first),
    row("last", Method, &[List], Optional, lists::last),
    row("lists.range", Function, &[Int], List, lists::range),
    row("sets.contains", Function, &[List, List], Bool, lists::set_contains),
    row("sets.equivalent", Function, &[List, List], Bool, lists::set_equivalent),
    row("sets.intersects", Function, &[List, List], Bool, lists::set_intersects),
];

const OPTIONALS: &[Row] = &[
    row("optional.none", Function, &[], Optional, optionals::none),
    row("optional.of", Function, &[Any], Optional, optionals::of),
    row(
        "optional.ofNonZeroValue",
        Function,
        &[Any],
        Optional,
        optionals::of_non_zero,
    ),
    row("optional.unwrap", Function, &[List], List, optionals::unwrap),
    row("unwrapOpt", Method, &[List], List, optionals::unwrap),
    row("hasValue", Method, &[Optional], Bool, optionals::has_value),
    row("value", Method, &[Optional], Held, optionals::value),
    row("or", Method, &[Optional, Optional], Same, optionals::or),
    row("orValue", Method, &[Optional, Any], Held, optionals::or_value),
];

const QUANTITIES: &[Row] = &[
    row("quantity", Function, &[Text], Quantity, quantities::quantity),
    row("isQuantity", Function, &[Text], Bool, quantities::is_quantity),
    row("sign", Method, &[Quantity], Int, quantities::sign),
    row("isInteger", Method, &[Quantity], Bool, quantities::is_integer),
    row("asInteger", Method, &[Quantity], Int, quantities::as_integer),
    row(
        "asApproximateFloat",
        Method,
        &[Quantity],
        Double,
        quantities::as_approximate_float,
    ),
    row("add", Method, &[Quantity, Quantity], Quantity, quantities::add),
    row("add", Method, &[Quantity, Int], Quantity, quantities::add),
    row("sub", Method, &[Quantity, Quantity], Quantity, quantities::sub),
    row("sub", Method, &[Quantity, Int], Quantity, quantities::sub),
    row(
        "isGreaterThan",
        Method,
        &[Quantity, Quantity],
        Bool,
        quantities::is_greater,
    ),
    row("isLessThan", Method, &[Quantity, Quantity], Bool, quantities::is_less),
    row("compareTo", Method, &[Quantity, Quantity], Int, quantities::compare),
];

const URLS: &[Row] = &[
    row("url", Function, &[Text], Url, urls::url),
    row("isURL", Function, &[Text], Bool, urls::is_url),
    row("getScheme", Method, &[Url], Text, urls::scheme),
    row("getHost", Method, &[Url], Text, urls::host),
    row("getHostname", Method, &[Url], Text, urls::hostname),
    row("getPort", Method, &[Url], Text, urls::port),
    row("getEscapedPath", Method, &[Url], Text, urls::escaped_path),
    row("getQuery", Method, &[Url], Map, urls::query),
];

/// By kube-cel: addresses, versions and named formats.
const FOREIGN: &[Row] = &[
    foreign("isGreaterThan", Method, &[Foreign, Foreign], Bool),
    foreign("isLessThan", Method, &[Foreign, Foreign], Bool),
    foreign("compareTo", Method, &[Foreign, Foreign], Int),
    foreign("ip", Function, &[Text], Foreign),
    foreign("ip", Method, &[Foreign], Foreign),
    foreign("isIP", Function, &[Text], Bool),
    foreign("ip.isCanonical", Function, &[Text], Bool),
    foreign("family", Method, &[Foreign], Int),
    foreign("isUnspecified", Method, &[Foreign], Bool),
    foreign("isLoopback", Method, &[Foreign], Bool),
    foreign("isLinkLocalMulticast", Method, &[Foreign], Bool),
    foreign("isLinkLocalUnicast", Method, &[Foreign], Bool),
    foreign("isGlobalUnicast", Method, &[Foreign], Bool),
    foreign("cidr", Function, &[Text], Foreign),
    foreign("isCIDR", Function, &[Text], Bool),
    foreign("containsIP", Method, &[Foreign, Foreign], Bool),
    foreign("containsIP", Method, &[Foreign, Text], Bool),
    foreign("containsCIDR", Method, &[Foreign, Foreign], Bool),
    foreign("containsCIDR", Method, &[Foreign, Text], Bool),
    foreign("prefixLength", Method, &[Foreign], Int),
    foreign("masked", Method, &[Foreign], Foreign),
    foreign("semver", Function, &[Text], Foreign),
    foreign("semver", Function, &[Text, Bool], Foreign),
    foreign("isSemver", Function, &[Text], Bool),
    foreign("isSemver", Function, &[Text, Bool], Bool),
    foreign("major", Method, &[Foreign], Int),
    foreign("minor", Method, &[Foreign], Int),
    foreign("patch", Method, &[Foreign], Int),
    foreign("format.dns1123Label", Function, &[], Foreign),
    foreign("format.dns1123Subdomain", Function, &[], Foreign),
    foreign("format.dns1035Label", Function, &[], Foreign),
    foreign("format.qualifiedName", Function, &[], Foreign),
    foreign("format.dns1123LabelPrefix", Function, &[], Foreign),
    foreign("format.dns1123SubdomainPrefix", Function, &[], Foreign),
    foreign("format.dns1035LabelPrefix", Function, &[], Foreign),
    foreign("format.labelValue", Function, &[], Foreign),
    foreign("format.uri", Function, &[], Foreign),
    foreign("format.uuid", Function, &[], Foreign),
    foreign("format.byte", Function, &[], Foreign),
    foreign("format.date", Function, &[], Foreign),
    foreign("format.datetime", Function, &[], Foreign),
    foreign("format.named", Function, &[Text], Optional),
    foreign("validate", Method, &[Foreign, Text], Optional),
];

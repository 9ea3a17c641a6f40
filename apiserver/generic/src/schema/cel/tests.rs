use serde_json::{Value as Json, json};

use super::*;
use crate::schema::Schema;

fn schema() -> Schema {
    Schema::from_json(&json!({
        "type": "object",
        "properties": {
            "n": {"type": "integer"}, "m": {"type": "integer"}, "f": {"type": "number"}, "s": {"type": "string"},
            "b": {"type": "boolean"}, "absent": {"type": "string"}, "nothing": {"type": "string", "nullable": true},
            "either": {"x-kubernetes-int-or-string": true},
            "at": {"type": "string", "format": "date-time"}, "wait": {"type": "string", "format": "duration"},
            "raw": {"type": "string", "format": "byte"},
            "list": {"type": "array", "items": {"type": "integer"}},
            "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "other": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "ports": {
                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "properties": {
                    "name": {"type": "string"}, "port": {"type": "integer"}, "tls": {"type": "boolean"},
                }},
            },
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "a-b": {"type": "string"}, "namespace": {"type": "string"},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        },
    }))
    .unwrap()
}

fn object() -> Json {
    json!({
        "n": 5, "m": -3, "f": 2.5, "s": "héllo", "b": true, "nothing": null, "either": "50%",
        "at": "2024-05-01T10:20:30Z", "wait": "90m", "raw": "aGk=",
        "list": [3, 1, 2], "set": ["a", "b"], "other": ["b", "a"],
        "ports": [{"name": "http", "port": 80}, {"name": "https", "port": 443, "tls": true}],
        "labels": {"app": "x", "example.com/y": "z"},
        "a-b": "dash", "namespace": "ns", "free": {"x": 1},
    })
}

fn run(source: &str) -> Result<String, String> {
    let (schema, object) = (schema(), object());
    let compiled = |wanted| Program::compile(source, &schema, OldSelf::Value, wanted);
    let program = compiled(Wanted::Bool).or_else(|_| compiled(Wanted::Text))?;
    let mut budget = Budget::new();
    budget.begin();
    let value = Value::read(&object, &schema).unwrap();
    match program.run(&value, Some(&value), &mut budget) {
        Ok(Value::Bool(value)) => Ok(value.to_string()),
        Ok(Value::Text(text)) => Ok(text.to_string()),
        Ok(other) => Err(format!("{other:?}")),
        Err(fault) => Err(fault.to_string()),
    }
}

#[test]
fn expressions_come_to_what_cel_go_says() {
    let all_true = [
        "self.n == 5 && self.m < 0 && self.f > 2.0",
        "self.n > self.f",
        "self.n + 1 == 6 && self.n * self.m == -15 && self.n / 2 == 2 && self.m % 2 == -1 && -self.n == -5",
        "self.s.size() == 5 && size(self.s) == 5 && self.s.startsWith('h') && self.s.contains('éll')",
        "self.s.matches('^h.llo$') && matches(self.s, 'l+') && self.s.find('l+') == 'll'",
        "self.s.charAt(1) == 'é' && self.s.indexOf('l') == 2 && self.s.lastIndexOf('l') == 3",
        "self.s.indexOf('l', 3) == 3 && self.s.lastIndexOf('l', 2) == 2 && self.s.indexOf('x') == -1",
        "self.s.substring(1) == 'éllo' && self.s.substring(1, 3) == 'él' && self.s.upperAscii() == 'HéLLO'",
        "self.s.replace('l', 'L', 1) == 'héLlo' && 'a,b,c'.split(',', 2) == ['a', 'b,c']",
        "'abc'.split('') == ['a', 'b', 'c'] && 'abc'.split('', 2) == ['a', 'bc'] && ['a', 'b'].join('-') == 'a-b'",
        "'%s has %d'.format([self.s, self.n]) == 'héllo has 5'",
        "has(self.s) && !has(self.absent) && !has(self.nothing)",
        "type(self.either) == string && type(self.n) == int && type(self.at) == google.protobuf.Timestamp",
        "type(self.either) == string ? self.either.endsWith('%') : self.either > 5",
        "self.at > timestamp('2024-01-01T00:00:00Z') && self.at.getFullYear() == 2024 && self.at.getMonth() == 4",
        "self.at.getHours('+02:00') == 12 && self.at + self.wait == timestamp('2024-05-01T11:50:30Z')",
        "self.wait == duration('1h30m') && self.wait.getMinutes() == 90 && string(self.wait) == '5400s'",
        "self.raw == b'hi' && size(self.raw) == 2 && string(self.raw) == 'hi'",
        "3 in self.list && !(4 in self.list) && self.list[0] == 3 && self.list.all(x, x > 0)",
        "self.list.exists(x, x == 2) && self.list.exists_one(x, x > 2) && self.list.existsOne(x, x > 2)",
        "self.list.map(x, x * 2) == [6, 2, 4] && self.list.filter(x, x > 1) == [3, 2]",
        "self.list.map(x, x > 1, x * 2) == [6, 4]",
        "self.list.sum() == 6 && self.list.min() == 1 && self.list.max() == 3 && !self.list.isSorted()",
        "self.list.sort() == [1, 2, 3] && self.list.sortBy(x, -x) == [3, 2, 1] && self.list.reverse() == [2, 1, 3]",
        "self.list.slice(1, 3) == [1, 2] && [[1], [2, 3]].flatten() == [1, 2, 3] && [1, 1].distinct() == [1]",
        "self.list.indexOf(2) == 2 && self.list.first().value() == 3 && lists.range(3) == [0, 1, 2]",
        // Sets and map lists are the same in any order, and are united by `+`.
        "self.set == self.other && self.set + self.other == ['a', 'b'] && self.set + ['c'] == ['a', 'b', 'c']",
        "sets.contains(self.set, ['a']) && sets.equivalent(self.set, self.other) && sets.intersects(self.set, ['b'])",
        "self.ports.all(p, p.port < 1000) && self.ports.exists(p, p.name == 'https')",
        // One fault among the items counts only where nothing decides.
        "self.ports.exists(p, p.tls) && !self.ports.all(p, has(p.tls) && p.tls)",
        "self.labels['app'] == 'x' && self.labels.app == 'x' && 'example.com/y' in self.labels && size(self.labels) == 2",
        "self.labels.all(k, self.labels[k].size() == 1) && self.labels.all(k, v, v != k)",
        "self.labels.transformList(k, v, k + v) == ['appx', 'example.com/yz']",
        "self.labels.transformMap(k, v, v + '!')['app'] == 'x!' && self.list.all(i, x, x > 0 && i < 3)",
        "self.labels.transformMapEntry(k, v, {v: k})['z'] == 'example.com/y'",
        "self.a__dash__b == 'dash' && self.__namespace__ == 'ns'",
        "!self.?absent.hasValue() && self.?s.orValue('') == 'héllo' && self.?absent.orValue('none') == 'none'",
        "self.labels[?'nope'].orValue('none') == 'none' && self.?s.optMap(x, x.size()).value() == 5",
        "[?self.?absent, 'x'] == ['x'] && optional.ofNonZeroValue('') == optional.none()",
        "self.b || self.list[9] > 0",
        "self.list[9] > 0 || self.b",
        "!(false && self.list[9] > 0)",
        "{'a': 1}['a'] == 1 && {'a': 1}.a == 1 && 'a' in {'a': 1} && {1: 'x'}[1u] == 'x'",
        "self.either == '50%' && self.either != 50",
        "quantity('1.5Gi').compareTo(quantity('1536Mi')) == 0 && quantity('2') == quantity('2000m')",
        "quantity('1k').isGreaterThan(quantity('999')) && isQuantity('5m') && !isQuantity('x') && quantity('5').asInteger() == 5",
        "ip('10.0.0.1').family() == 4 && isIP('::1') && !isIP('x') && cidr('10.0.0.0/8').containsIP('10.1.2.3')",
        "cidr('10.0.0.0/8').containsCIDR(cidr('10.1.0.0/16')) && cidr('10.0.0.0/8').prefixLength() == 8",
        "string(cidr('10.1.0.0/16').masked()) == '10.1.0.0/16' && string(ip('::1')) == '::1'",
        "url('https://a.example:80/b?c=d').getHost() == 'a.example:80' && isURL('https://a') && !isURL('a')",
        "url('https://a.example/b?c=d').getQuery()['c'] == ['d']",
        "semver('1.2.3').isLessThan(semver('1.10.0')) && isSemver('1.0.0') && semver('1.2.3').major() == 1",
        "!format.dns1123Label().validate('a-b').hasValue() && format.dns1123Label().validate('A').hasValue()",
        "format.named('uuid').hasValue() && !format.named('bogus').hasValue()",
        "int('5') == 5 && double('2.5') == self.f && bool('true') && string(2.5) == '2.5' && uint(5) == 5u && int(2.9) == 2",
        "self == oldSelf && self.free == oldSelf.free",
        "strings.quote('a\"b') == '\"a\\\\\"b\"'",
    ];
    for source in all_true {
        assert_eq!(run(source).as_deref(), Ok("true"), "{source}");
    }
    assert_eq!(run("self.s + ' ' + string(self.n)").as_deref(), Ok("héllo 5"));
}

#[test]
fn faults_are_named_as_by_cel_go() {
    let table = [
        ("self.absent == ''", "no such key: absent"),
        ("self.labels['x'] == ''", "no such key: x"),
        ("self.list[7] == 1", "index out of bounds: 7"),
        ("self.n / 0 == 1", "division by zero"),
        ("self.n % 0 == 1", "modulus by zero"),
        ("9223372036854775807 + self.n > 0", "integer overflow"),
        ("self.either > 5", "no such overload"),
        ("self.absent == '' && self.n == 5", "no such key: absent"),
        ("self.ports.all(p, p.tls)", "no such key: tls"),
        ("int(self.s) == 1", "type conversion error from 'string' to 'int'"),
        ("[].max() == 1", "max called on empty list"),
        ("self.s.substring(9) == ''", "index out of range: 9"),
        ("self.?absent.value() == ''", "optional.none() dereference"),
        ("'x'.matches(self.s + '(')", "Illegal regex"),
        ("'%.99999999f'.format([1.0]) == ''", "precision is out of range"),
    ];
    for (source, fault) in table {
        let found = run(source).unwrap_err();
        assert!(found.starts_with(fault), "{source}: {found}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let table = [
        ("self.n >=", "ERROR"),
        ("self.bogus == 1", "undefined field 'bogus'"),
        ("self.ports.all(p, p.bogus)", "undefined field 'bogus'"),
        ("has(self.ports[0].bogus)", "undefined field 'bogus'"),
        ("self.free.x == 1", "undefined field 'x'"),
        ("bogus == 1", "undeclared reference to 'bogus'"),
        ("bogus(self.n)", "undeclared reference to 'bogus'"),
        ("self.n.bogus()", "undeclared reference to 'bogus'"),
        ("self.n.x == 1", "type 'int' does not support field selection"),
        (
            "self.n + self.s == 'x'",
            "found no matching overload for '_+_' applied to '(int, string)'",
        ),
        (
            "self.n == self.s",
            "found no matching overload for '_==_' applied to '(int, string)'",
        ),
        ("self.n.startsWith('x')", "found no matching overload for 'startsWith'"),
        (
            "self.s.startsWith('x', 'y')",
            "found no matching overload for 'startsWith'",
        ),
        ("self.n", "must evaluate to a"),
        ("!self.n", "expected type 'bool'"),
        ("self.n.all(x, x)", "cannot be range of a comprehension"),
        ("self.s.matches('(')", "invalid matches argument"),
        ("Foo{a: 1} == 1", "messages can't be made"),
        ("math.greatest(1, 2) == 2", "undeclared reference to 'math'"),
        ("cel.bind(x, 1, x == 1)", "undeclared reference"),
        ("self.metadata.name == ''", "undefined field 'metadata'"),
    ];
    for (source, why) in table {
        let found = run(source).unwrap_err();
        assert!(found.contains(why), "{source}: {found}");
    }
}

#[test]
fn what_takes_too_long_is_ended() {
    let hostile = [
        "lists.range(100000).all(x, lists.range(100000).all(y, x + y >= 0))",
        "lists.range(10000).map(x, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa').join(self.s).size() > 0 && lists.range(1000).all(x, lists.range(1000).map(y, string(y)).join('-').size() > 0)",
        "lists.range(5000).all(x, lists.range(5000).distinct().size() > 0)",
        "lists.range(1000).all(x, lists.range(3000).map(y, 'a').join('').replace('a', 'aaaaaaaaaa').replace('a', 'aaaaaaaaaa').size() > 0)",
        "lists.range(100000).all(x, !('x' + string(x)).matches(string(x) + '.*a{1,50}b{1,50}'))",
    ];
    for source in hostile {
        assert_eq!(run(source).unwrap_err(), Fault::TooExpensive.to_string(), "{source}");
    }
}

proptest::proptest! {
    /// Whatever a rule says and an object holds, nothing panics.
    #[test]
    fn any_expression_over_any_object_ends(
        source in "(self|oldSelf)(\\.(n|m|f|s|list|set|ports|labels|at|wait|either|raw)){1,2}( (\\+|-|\\*|/|%|==|<|in|&&) ((self|oldSelf)\\.(n|m|f|s|list|either|at|wait)|[0-9]{1,3}|'[a-z%.0-9]{0,6}'|\\[\\])){0,2}(\\.(size|sum|max|sort|first|trim|split|format|matches|replace|getHours|join)\\(('[a-z(%.]{0,4}'(, '[a-z]?')?)?\\))?( == [0-9])?",
        n in proptest::prelude::any::<i64>(),
        f in proptest::prelude::any::<f64>(),
        s in ".{0,20}",
        list in proptest::collection::vec(proptest::prelude::any::<i64>(), 0..6),
    ) {
        let schema = schema();
        let Ok(program) = Program::compile(&source, &schema, OldSelf::Value, Wanted::Bool) else { return Ok(()) };
        let mut object = object();
        object["n"] = n.into();
        object["f"] = f.into();
        object["s"] = s.clone().into();
        object["either"] = s.into();
        object["list"] = list.into();
        let mut budget = Budget::new();
        budget.begin();
        if let Ok(value) = Value::read(&object, &schema) {
            let _outcome = program.run(&value, Some(&value), &mut budget);
        }
    }

    /// Functions take anything of the right type.
    #[test]
    fn functions_take_any_text_and_number(s in ".{0,24}", t in ".{0,6}", n in proptest::prelude::any::<i64>()) {
        let (schema, mut object) = (schema(), object());
        object["s"] = s.into();
        object["absent"] = t.into();
        object["n"] = n.into();
        let calls = [
            "self.s.substring(self.n) == ''", "self.s.charAt(self.n) == ''", "self.s.indexOf(self.absent, self.n) == 0",
            "self.s.lastIndexOf(self.absent, self.n) == 0", "self.s.replace(self.absent, 'x', self.n) == ''",
            "self.s.split(self.absent, self.n) == []", "self.s.findAll(self.absent, self.n) == []",
            "self.s.matches(self.absent)", "self.s.format([self.n, self.absent]) == ''", "isQuantity(self.s)",
            "quantity(self.s).add(self.n).isInteger()", "isIP(self.s) || ip(self.s).isLoopback()",
            "isCIDR(self.s) || cidr(self.s).containsIP(self.absent)", "isURL(self.s) || url(self.s).getHost() == ''",
            "isSemver(self.s) || semver(self.s, true).major() == 1", "duration(self.s) > duration(self.n)",
            "timestamp(self.s) > timestamp(self.n)", "timestamp(self.n).getHours(self.s) == 1",
            "string(timestamp(self.n)) == ''", "lists.range(self.n).size() == 0", "self.list.slice(self.n, self.n) == []",
            "[[1]].flatten(self.n) == []", "format.named(self.s).hasValue()", "format.uri().validate(self.s).hasValue()",
            "format.qualifiedName().validate(self.s).hasValue()", "format.datetime().validate(self.s).hasValue()",
            "timestamp('2024-01-01T00:00:00Z') + duration(self.n) > timestamp(0)", "-self.n == 0 || self.n * self.n > 0",
            "int(double(self.n)) == self.n", "uint(self.n) == 1u", "self.list[self.n] == 0", "strings.quote(self.s) == ''",
        ];
        for source in calls {
            let program = Program::compile(source, &schema, OldSelf::Value, Wanted::Bool).unwrap();
            let mut budget = Budget::new();
            budget.begin();
            let value = Value::read(&object, &schema).unwrap();
            let _outcome = program.run(&value, None, &mut budget);
        }
    }
}

/// What an expression over untyped variables comes to.
fn run_over(source: &str) -> Result<String, String> {
    let object = object();
    let names: [Box<str>; 3] = ["doubled".into(), "more".into(), "broken".into()];
    let programs: Vec<_> = ["object.n * 2", "variables.doubled + object.list[0]", "object.missing"]
        .iter()
        .enumerate()
        .map(|(at, source)| NamedProgram {
            name: names[at].clone(),
            program: Program::over(source, &["object", "oldObject"], &names[..at]),
        })
        .collect();
    let program = Program::over(source, &["object", "oldObject"], &names)?;
    let mut budget = Budget::of_policy();
    budget.begin();
    let variables = [Value::untyped(&object), Value::Null];
    let mut named = Named::new(&programs, variables.len());
    match program.run_over(&variables, &mut named, &mut budget) {
        Ok(Value::Bool(value)) => Ok(value.to_string()),
        Ok(Value::Text(text)) => Ok(text.to_string()),
        Ok(other) => Err(format!("{other:?}")),
        Err(fault) => Err(fault.to_string()),
    }
}

#[test]
fn what_no_schema_describes_is_what_json_says() {
    for source in [
        "object.n == 5 && object.f == 2.5 && object.b && oldObject == null",
        "object.nothing == null && has(object.nothing) && !has(object.absent)",
        "object.labels['example.com/y'] == 'z' && 'app' in object.labels",
        "object.namespace == 'ns' && object['a-b'] == 'dash' && object.at == '2024-05-01T10:20:30Z'",
        "object.list.all(n, n > 0) && object.list.exists(n, n == 3) && object.list.map(n, n + 1) == [4, 2, 3]",
        "object.ports.exists(p, p.name == 'https' && has(p.tls) && p.tls) && object.free.x == 1",
        "object.set != object.other && object.labels == {'app': 'x', 'example.com/y': 'z'} && object.labels.size() == 2",
        "object == object && type(object.n) == int && object.?labels.?nope.orValue('d') == 'd'",
        "variables.doubled == 10 && variables.more == 13 && object.list.exists(n, n + variables.doubled == 13)",
        "has(variables.more) && object.list.map(n, variables.more) == [13, 13, 13]",
    ] {
        assert_eq!(run_over(source), Ok("true".to_owned()), "{source}");
    }
    let table = [
        ("object.missing == 1", "no such key: missing"),
        ("object.n.a == 1", "no such overload"),
        (
            "variables.broken == 1",
            "composited variable \"broken\" fails to evaluate: no such key: missing",
        ),
        (
            "variables.unknown == 1",
            "undeclared reference to 'variables' (in container '')",
        ),
        ("request.n == 1", "undeclared reference to 'request' (in container '')"),
    ];
    for (source, expected) in table {
        assert_eq!(run_over(source), Err(expected.to_owned()), "{source}");
    }
}

#[test]
fn no_nesting_ends_the_process() {
    for source in [
        "1+".repeat(30_000) + "1 == 1",
        "!".repeat(60_000) + "true",
        "(".repeat(30_000) + "true" + &")".repeat(30_000),
        "true || ".repeat(8_000) + "true",
        "[".repeat(30_000) + &"]".repeat(30_000),
        "object".to_owned() + &".a".repeat(30_000),
        "true ? ".repeat(5_000) + "true" + &": false".repeat(5_000),
    ] {
        let _any = run_over(&source);
    }
    // Each is as deep as may be, and begins where the one before ends.
    let names: Vec<Box<str>> = (0..3).map(|at| format!("v{at}").into()).collect();
    let programs: Vec<_> = (0..3)
        .map(|at| {
            let before = if at == 0 {
                "1".to_owned()
            } else {
                format!("variables.v{}", at - 1)
            };
            let source = "1 + (".repeat(90) + &before + &")".repeat(90);
            NamedProgram {
                name: names[at].clone(),
                program: Program::over(&source, &[], &names[..at]),
            }
        })
        .collect();
    let program = Program::over("variables.v2", &[], &names).unwrap();
    let mut budget = Budget::of_policy();
    budget.begin();
    let fault = program
        .run_over(&[], &mut Named::new(&programs, 0), &mut budget)
        .unwrap_err();
    assert!(
        fault.to_string().ends_with("expressions are nested too deeply"),
        "{fault}"
    );
}

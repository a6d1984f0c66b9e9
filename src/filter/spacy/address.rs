//! Internet addresses, which stay whole.

use super::affixes::is_lower;

/// Whether `rest` is an internet address: scheme, user, host with a top-level domain, port, path.
pub fn is_address(rest: &str) -> bool {
    let mut host = rest;
    if let Some((scheme, after)) = rest.split_once("://")
        && scheme.chars().count() >= 2
        && scheme
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '+' | '-' | '.'))
    {
        host = after;
    }
    is_host(host)
        || host
            .rmatch_indices('@')
            .any(|(at, _)| at > 0 && is_host(&host[at + 1..]))
}

fn is_host(host: &str) -> bool {
    let end = host.find(['/', '?', '#']).unwrap_or(host.len());
    let (name, port) = match host[..end].split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (&host[..end], None),
    };
    let port_is_fine = port.is_none_or(|port| {
        (2..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit())
    });
    let Some((labels, top)) = name.rsplit_once('.') else {
        return false;
    };
    let inner = |c: char| c.is_ascii_alphanumeric() || c >= '\u{a1}';
    let labels_are_fine = labels.split('.').all(|label| {
        !label.is_empty()
            && label.starts_with(inner)
            && label.ends_with(inner)
            && label.chars().all(|c| inner(c) || matches!(c, '_' | '-'))
    });
    let letters = top.chars().count();
    let top_is_fine = (2..=63).contains(&letters) && top.chars().all(is_lower);
    let numbers = name.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| {
        let [first, ..] = ip.octets();
        (1..=223).contains(&first) && first != 127 && !ip.is_private() && !ip.is_link_local()
    });
    port_is_fine && (labels_are_fine && top_is_fine || numbers)
}

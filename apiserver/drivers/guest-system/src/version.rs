//! The Kubernetes version of a VM.

/// The Kubernetes version that an image brings, by its name: `v1.34.2` of `photon-5-kubernetes-v1.34.2`.
pub fn of_image(image: &str) -> Option<&str> {
    let start = image.rmatch_indices('v').find_map(|(at, _)| {
        let digits = image[at + 1..].split('.').next()?;
        (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(at)
    })?;
    Some(&image[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_names_the_version() {
        assert_eq!(of_image("photon-5-kubernetes-v1.34.2"), Some("v1.34.2"));
        assert_eq!(of_image("v1.33.7+vmware.1-fips"), Some("v1.33.7+vmware.1-fips"));
        assert_eq!(of_image("ubuntu"), None);
    }
}

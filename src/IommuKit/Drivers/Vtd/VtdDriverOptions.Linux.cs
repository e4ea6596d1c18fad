using System.Globalization;

namespace IommuKit.Drivers.Vtd;

/// <content>The rules of Linux, by the release that they came with.</content>
public sealed partial record VtdDriverOptions
{
    private static readonly Version BatchesSince = new(6, 12);
    private static readonly Version HintsSince = new(6, 19);

    // Stable releases that got the hint too.
    private static readonly Version[] HintsFrom = [new(6, 12, 63), new(6, 17, 13), new(6, 18, 2)];

    /// <summary>
    /// The rules of Linux 6.1 to 6.11: one block for each part of what an operation changed (<see cref="BeginsAnew"/>), never with the hint on the second
    /// stage, and each invalidation submitted by itself with a wait of its own.
    /// </summary>
    public static VtdDriverOptions Linux61 { get; } = new()
    {
        BlocksPerRange = 1,
        UsesHint = false,
        MergesRanges = true,
        BeginsAnew = true,
        WaitsForEach = true,
    };

    /// <summary>
    /// The rules of Linux 6.12 to 6.18: as <see cref="Linux61"/>, but cache tags say where a domain is cached, and what is submitted for all of them has
    /// one wait, device TLBs right behind the IOTLB.
    /// </summary>
    public static VtdDriverOptions Linux612 { get; } = Linux61 with { WaitsForEach = false, WaitsBeforeDeviceTlb = false };

    /// <summary>
    /// The rules of the stable releases from 6.12.63, 6.17.13 and 6.18.2 on: as <see cref="Linux612"/>, and the hint takes effect (6b38a108eeb3). On the
    /// first stage it always did.
    /// </summary>
    public static VtdDriverOptions Linux61263 { get; } = Linux612 with { UsesHint = true };

    /// <summary>
    /// The rules of Linux 6.19 and later: as <see cref="Linux61263"/>, and one block for all that an operation changed, whatever its pages, since the
    /// page tables became the generic ones.
    /// </summary>
    public static VtdDriverOptions Linux619 { get; } = Linux61263 with { BeginsAnew = false };

    /// <summary>The same as <see cref="Linux612"/>.</summary>
    public static VtdDriverOptions Linux => Linux612;

    /// <summary>The same as <see cref="Linux619"/>.</summary>
    public static VtdDriverOptions LinuxWithHint => Linux619;

    /// <summary>The rules of a kernel.</summary>
    /// <param name="release">
    /// What <c>uname -r</c> prints, as <c>6.12.95+deb13-amd64</c>: the numbers at its beginning count. What a distribution changed under the number of an
    /// older release is not known here.
    /// </param>
    /// <returns>Of a release before 6.1 the rules of 6.1, where nothing older is known; null if the text begins with no version.</returns>
    public static VtdDriverOptions? OfLinux(string release)
    {
        ArgumentNullException.ThrowIfNull(release);
        return VersionIn(release) is not { } version ? null
            : version >= HintsSince ? Linux619
            : Array.Exists(HintsFrom, from => IsFrom(version, from)) ? Linux61263
            : version >= BatchesSince ? Linux612
            : Linux61;
    }

    private static bool IsFrom(Version version, Version stable) =>
        version.Major == stable.Major && version.Minor == stable.Minor && version.Build >= stable.Build;

    private static Version? VersionIn(string release)
    {
        string[] numbers = string.Concat(release.TakeWhile(letter => char.IsAsciiDigit(letter) || letter == '.')).Split('.');
        return numbers.Length >= 2 && TryNumber(numbers[0], out int major) && TryNumber(numbers[1], out int minor)
            ? new Version(major, minor, numbers.Length > 2 && TryNumber(numbers[2], out int patch) ? patch : 0)
            : null;
    }

    private static bool TryNumber(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}

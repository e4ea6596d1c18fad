using System.Globalization;
using IommuKit.Checker.Scenarios;
using IommuKit.Cli.Extensions;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Formats;
using IommuKit.Lab.Machines;
using IommuKit.PageTables;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary>Reads lists of names that users write with commas or by repeating the option.</summary>
internal static class Choices
{
    private const string All = "all";

    /// <summary>Kinds of IOMMU.</summary>
    public static IReadOnlyList<IommuKind> Machines(Catalog catalog, IReadOnlyList<string>? values) => Choose(
        "--iommu",
        values,
        catalog.Machines,
        catalog.FindMachine,
        kind => kind.Name);

    /// <summary>One kind of IOMMU.</summary>
    public static IommuKind Machine(Catalog catalog, string name) => catalog.FindMachine(name)
        ?? throw NoSuch("--iommu", name, catalog.Machines.Select(kind => kind.Name));

    /// <summary>Policies, in any case and with or without dashes.</summary>
    public static IReadOnlyList<SyncPolicy> Policies(IReadOnlyList<string>? values) => Choose<SyncPolicy?>(
        "--policy",
        values,
        [.. Enum.GetValues<SyncPolicy>().Cast<SyncPolicy?>()],
        FindValue<SyncPolicy>,
        policy => policy.ToString()!).Select(policy => policy!.Value).ToList();

    /// <summary>IOMMUs that can be checked.</summary>
    public static IReadOnlyList<CheckTarget> Targets(Catalog catalog, IReadOnlyList<string>? values) => values is null
        ? catalog.DefaultTargets
        : Choose("--iommu", values, catalog.Targets, catalog.FindTarget, target => target.Name);

    /// <summary>Release rules, in any case and with or without dashes.</summary>
    public static IReadOnlyList<TableRelease> Releases(IReadOnlyList<string>? values) => Choose<TableRelease?>(
        "--release",
        values,
        [.. Enum.GetValues<TableRelease>().Cast<TableRelease?>()],
        FindValue<TableRelease>,
        release => release.ToString()!).Select(release => release!.Value).ToList();

    /// <summary>The name of a planted bug.</summary>
    public static string Bug(Catalog catalog, string option, string name) =>
        catalog.Bugs.FirstOrDefault(bug => string.Equals(bug, name, StringComparison.OrdinalIgnoreCase))
            ?? throw NoSuch(option, name, catalog.Bugs);

    /// <summary>Page-table formats.</summary>
    public static IReadOnlyList<FormatKind> Formats(Catalog catalog, IReadOnlyList<string> values) => Choose(
        "--format",
        values,
        catalog.Formats,
        catalog.FindFormat,
        kind => kind.Name);

    /// <summary>One page-table format.</summary>
    public static FormatKind Format(Catalog catalog, string option, string name) => catalog.FindFormat(name)
        ?? throw NoSuch(option, name, catalog.Formats.Select(kind => kind.Name));

    /// <summary>One value of an enum, in any case and with or without dashes.</summary>
    public static T One<T>(string option, string name)
        where T : struct, Enum => FindValue<T>(name) ?? throw NoSuch(option, name, Enum.GetValues<T>().Select(Names.Of));

    /// <summary>Refuses a name that is none of those there are.</summary>
    /// <param name="option">The option.</param>
    /// <param name="name">What was typed.</param>
    /// <param name="names">What there is.</param>
    public static InputException NoSuch(string option, string name, IEnumerable<string> names)
    {
        string[] all = [.. names];
        string meant = Typos.Nearest(name, all) is { } near ? $"did you mean \"{near}\"? There are" : "choose from";
        return new InputException($"{option}: there is no \"{name}\"; {meant} {string.Join(", ", all)}");
    }

    /// <summary>Sizes in bytes, each once.</summary>
    public static IReadOnlyList<ulong> Sizes(string option, IReadOnlyList<string> values) =>
        [.. Split(values).Select(value => Size(option, value)).Distinct()];

    /// <summary>A whole number, 0 or more.</summary>
    public static int Number(string option, string value)
    {
        if (int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
        {
            return number;
        }

        throw new InputException($"{option}: \"{value}\" is not a whole number from 0 to {int.MaxValue}");
    }

    /// <summary>A value of a tuning option.</summary>
    public static int Tuning(TuningOption tuning, string option, string value)
    {
        if (tuning.Read is not { } read)
        {
            return Number(option, value);
        }

        try
        {
            return read(value) is >= 0 and var number ? number : throw new InputException($"\"{value}\" is less than 0");
        }
        catch (InputException e)
        {
            throw new InputException($"{option}: {e.Message}", e);
        }
    }

    /// <summary>A duration, in nanoseconds: a whole number with us, ms or s.</summary>
    public static long Duration(string option, string value)
    {
        const long max = 1_000_000_000_000;
        foreach (var (unit, nanoseconds) in (ReadOnlySpan<(string, long)>)[("us", 1000), ("ms", 1_000_000), ("s", 1_000_000_000)])
        {
            if (value.EndsWith(unit, StringComparison.Ordinal)
                && long.TryParse(value.AsSpan()[..^unit.Length], NumberStyles.None, CultureInfo.InvariantCulture, out long number)
                && number > 0
                && number <= max / nanoseconds)
            {
                return number * nanoseconds;
            }
        }

        throw new InputException($"{option}: \"{value}\" is not a duration from 1us to 1000s, as 100ms");
    }

    /// <summary>A size in bytes.</summary>
    public static ulong Size(string option, string value)
    {
        try
        {
            return ByteSize.Parse(value);
        }
        catch (InputException e)
        {
            throw new InputException($"{option}: {e.Message}", e);
        }
    }

    private static T? FindValue<T>(string name)
        where T : struct, Enum => Enum.GetValues<T>().Cast<T?>().FirstOrDefault(value =>
            string.Equals(value.ToString(), name.Replace("-", string.Empty, StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase));

    private static IReadOnlyList<T> Choose<T>(
        string option, IReadOnlyList<string>? values, IReadOnlyList<T> all, Func<string, T?> find, Func<T, string> nameOf)
    {
        string[] names = [.. Split(values ?? [All])];
        T[] chosen =
        [
            .. names.Where(name => !IsAll(name)).Select(name => find(name) ?? throw NoSuch(option, name, all.Select(nameOf).Append(All))),
        ];
        return names.Any(IsAll) ? all : [.. chosen.Distinct()];
    }

    private static bool IsAll(string name) => string.Equals(name, All, StringComparison.OrdinalIgnoreCase);

    private static IEnumerable<string> Split(IEnumerable<string> values) =>
        values.SelectMany(value => value.Split(',', StringSplitOptions.TrimEntries));
}

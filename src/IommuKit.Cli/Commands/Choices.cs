using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Machines;
using IommuKit.Lab.PageTables;

namespace IommuKit.Cli.Commands;

/// <summary>Reads lists of names that users write with commas or by repeating the option.</summary>
internal static class Choices
{
    private const string All = "all";

    /// <summary>Kinds of machine.</summary>
    public static IReadOnlyList<MachineKind> Machines(IReadOnlyList<string>? values) => Choose(
        "--iommu",
        values,
        MachineCatalog.All,
        MachineCatalog.Find,
        kind => kind.Name);

    /// <summary>Policies, in any case and with or without dashes.</summary>
    public static IReadOnlyList<SyncPolicy> Policies(IReadOnlyList<string>? values) => Choose<SyncPolicy?>(
        "--policy",
        values,
        [.. Enum.GetValues<SyncPolicy>().Cast<SyncPolicy?>()],
        name => Enum.GetValues<SyncPolicy>().Cast<SyncPolicy?>().FirstOrDefault(policy =>
            string.Equals(policy.ToString(), name.Replace("-", string.Empty, StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase)),
        policy => policy.ToString()!).Select(policy => policy!.Value).ToList();

    /// <summary>Page-table formats.</summary>
    public static IReadOnlyList<FormatKind> Formats(IReadOnlyList<string> values) => Choose(
        "--format",
        values,
        FormatCatalog.All,
        FormatCatalog.Find,
        kind => kind.Name);

    /// <summary>One page-table format.</summary>
    public static FormatKind Format(string option, string name) => FormatCatalog.Find(name) ?? throw new InputException(
        $"{option}: there is no \"{name}\"; choose from {string.Join(", ", FormatCatalog.All.Select(kind => kind.Name))}");

    /// <summary>Sizes in bytes.</summary>
    public static IReadOnlyList<ulong> Sizes(string option, IReadOnlyList<string> values) => [.. Split(values).Select(value => Size(option, value))];

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

    private static IReadOnlyList<T> Choose<T>(
        string option, IReadOnlyList<string>? values, IReadOnlyList<T> all, Func<string, T?> find, Func<T, string> nameOf)
    {
        var chosen = new List<T>();
        foreach (string name in Split(values ?? [All]))
        {
            if (string.Equals(name, All, StringComparison.OrdinalIgnoreCase))
            {
                return all;
            }

            chosen.Add(find(name) ?? throw new InputException(
                $"{option}: there is no \"{name}\"; choose from {string.Join(", ", all.Select(nameOf))}, all"));
        }

        return [.. chosen.Distinct()];
    }

    private static IEnumerable<string> Split(IEnumerable<string> values) =>
        values.SelectMany(value => value.Split(',', StringSplitOptions.TrimEntries));
}

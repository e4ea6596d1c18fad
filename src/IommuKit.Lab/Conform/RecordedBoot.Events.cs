using System.Globalization;
using IommuKit.Traces;

namespace IommuKit.Lab.Conform;

/// <content>What the recorded kernel did.</content>
internal sealed partial class RecordedBoot
{
    private const string EventFile = "oracle.txt";
    private const string CommandFile = "commands.txt";
    private const string Meta = "meta.txt";
    private const string Uname = "== uname";

    /// <summary>Whether maps, unmaps and commands were recorded.</summary>
    public bool HasEvents => FileIn(_folder, EventFile) is not null;

    /// <summary>Whether all commands were recorded in their order.</summary>
    public bool HasCommands => FileIn(_folder, CommandFile) is not null;

    /// <summary>All commands of the recorded kernel in their order, as they are written beside maps and unmaps.</summary>
    /// <exception cref="InputException">The file cannot be read.</exception>
    public IEnumerable<string> Commands() =>
        from line in Lines(CommandFile)
        let blank = line.Text.IndexOf(' ', StringComparison.Ordinal)
        where blank > 0 && !line.Text.StartsWith("SNAP", StringComparison.Ordinal)
        select line.Text[(blank + 1)..];

    /// <summary>The release of the kernel, or empty if it is not known.</summary>
    /// <exception cref="InputException">The file cannot be read.</exception>
    public string Kernel
    {
        get
        {
            bool isNext = false;
            foreach (var line in FileIn(_folder, Meta) is null ? [] : Lines(Meta))
            {
                if (isNext)
                {
                    return line.Text.Split(' ') is [_, _, var release, ..] ? release : string.Empty;
                }

                isNext = line.Text == Uname;
            }

            return string.Empty;
        }
    }

    /// <summary>How many groups of devices the kernel invalidated for from a queue, by its own word; null if it did not say what groups there are.</summary>
    /// <exception cref="InputException">The file cannot be read.</exception>
    public int? DeferredGroups
    {
        get
        {
            var groups = FileIn(_folder, Meta) is null
                ? []
                : Lines(Meta).Where(line => line.Text.StartsWith("group ", StringComparison.Ordinal)).Select(line => line.Text).ToList();
            return groups.Count == 0 ? null : groups.Count(group => group.Contains(" type=DMA-FQ ", StringComparison.Ordinal));
        }
    }

    /// <summary>Whether the kernel said that it invalidates at once, unless a group of devices is set to something else.</summary>
    /// <exception cref="InputException">The file cannot be read.</exception>
    public bool IsStrict =>
        FileIn(_folder, Meta) is not null && Lines(Meta).Any(line => line.Text.Contains("TLB invalidation policy: strict mode", StringComparison.Ordinal));

    /// <summary>The maps and unmaps of the recorded kernel, with the commands of each.</summary>
    /// <exception cref="InputException">A line is not understood, or nothing was recorded.</exception>
    public IEnumerable<BootEvent> Events()
    {
        string section = string.Empty;
        bool isTypeChanged = false;
        BootEvent? current = null;
        var commands = new List<string>();
        foreach (var line in Lines(EventFile))
        {
            if (line.Text.StartsWith("  ", StringComparison.Ordinal))
            {
                if (!line.Text.StartsWith("  G", StringComparison.Ordinal))
                {
                    commands.Add(line.Text[2..]);
                }

                continue;
            }

            string[] words = line.Text.Split(' ');
            if (words[0] == "A")
            {
                // A device came to a group or a domain.
                continue;
            }

            if (current is not null)
            {
                yield return current;
                current = null;
            }

            if (words[0] == "MARK")
            {
                section = line.Text["MARK".Length..].Trim();
                isTypeChanged |= section.Split(' ') is [_, "gtype", ..];
                continue;
            }

            commands = [];
            current = words switch
            {
                ["M", var iova, var size, var physical, .. var rest] => new BootEvent(
                    IsMap: true, line.Hex(iova), SizeIn(line, size), line.Hex(physical), rest.Contains("="), section, line.Number, commands),
                ["U", var iova, var size, .. var rest] => new BootEvent(
                    IsMap: false, line.Hex(iova), SizeIn(line, size), 0, rest.Contains("="), section, line.Number, commands),
                _ => throw line.Refuse(),
            };
            current = current with { IsAfterTypeChange = isTypeChanged };
        }

        if (current is not null)
        {
            yield return current;
        }
    }

    private static ulong SizeIn(Line line, string digits) =>
        ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out ulong size) ? size : throw line.Refuse();
}

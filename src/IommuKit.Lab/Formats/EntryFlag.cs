namespace IommuKit.Lab.Formats;

/// <summary>Bits of an entry that have a name when they hold a value.</summary>
/// <param name="Mask">The bits.</param>
/// <param name="Value">The value.</param>
/// <param name="Name">What the architecture calls it.</param>
internal readonly record struct EntryFlag(ulong Mask, ulong Value, string Name)
{
    /// <summary>Makes a flag of one bit.</summary>
    public EntryFlag(ulong bit, string name)
        : this(bit, bit, name)
    {
    }

    /// <summary>The names of what an entry holds, with spaces between.</summary>
    public static string Describe(ulong entry, ReadOnlySpan<EntryFlag> flags)
    {
        var names = new List<string>();
        foreach (var flag in flags)
        {
            if ((entry & flag.Mask) == flag.Value)
            {
                names.Add(flag.Name);
            }
        }

        return string.Join(' ', names);
    }
}

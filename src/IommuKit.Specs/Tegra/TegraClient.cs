namespace IommuKit.Specs.Tegra;

/// <summary>A memory client: one port of an engine, the source id of its transactions.</summary>
/// <param name="Id">The client id, as fault records show it.</param>
/// <param name="Name">The field's short name, for example <c>sdmmcra</c>.</param>
/// <param name="Swgroup">Name of the group it belongs to. Not every group has an ASID register.</param>
/// <param name="Enable">Whether translation can be switched for it.</param>
public sealed record TegraClient(int Id, string Name, string Swgroup, TegraClientEnable Enable = TegraClientEnable.ReadWrite)
{
    /// <summary>Offset of the TRANSLATION_ENABLE register with the client's bit; null if it has none.</summary>
    public uint? EnableRegister => Enable == TegraClientEnable.None ? null : TegraMc.TranslationEnable(Id / 32);

    /// <summary>The client's bit in that register.</summary>
    public uint EnableMask => 1u << (Id % 32);

    /// <summary>
    /// Whether this client writes what <paramref name="reader"/> reads: the two ports of one engine have names that differ in an r and a w, or in rd
    /// and wr.
    /// </summary>
    public bool IsWriterBeside(TegraClient reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        if (reader.Swgroup != Swgroup || reader.Name.Length != Name.Length)
        {
            return false;
        }

        int at = 0;
        while (at < Name.Length && Name[at] == reader.Name[at])
        {
            at++;
        }

        var read = reader.Name.AsSpan(at);
        var write = Name.AsSpan(at);
        return (read is ['r', 'd', ..] && write is ['w', 'r', ..] && read[2..].SequenceEqual(write[2..]))
            || (read is ['r', ..] && write is ['w', ..] && read[1..].SequenceEqual(write[1..]));
    }
}

using IommuKit.Specs.Smmu3;

namespace IommuKit.Drivers.Smmu3;

/// <summary>What hardware looks at in an entry of a kind, so that the rest can change at any time.</summary>
/// <param name="Valid">V, in the first quadword.</param>
/// <param name="GetUsed">The bits of each quadword that count, by what the entry says.</param>
internal sealed record Smmu3EntryKind(ulong Valid, Smmu3EntryKind.UsedBits GetUsed)
{
    private const ulong ConfigBits = 0xf;
    private const ulong SharingBits = 3ul << 44;
    private const ulong Stage1Bits = 0xff | (0x1ful << 27);
    private const ulong AtsBits = 3ul << 28;
    private const ulong VmidBits = 0xffff;

    // TxSZ, TGx and what walks are done with.
    private const ulong LowerDisabled = 1ul << 14;
    private const ulong LowerShapeBits = 0x3fff;
    private const ulong UpperDisabled = 1ul << 30;
    private const ulong UpperShapeBits = 0x3fff << 16;
    private const ulong TableBits = 0x00ff_ffff_ffff_fff0;

    /// <summary>Finds the bits of an entry that count.</summary>
    public delegate void UsedBits(ReadOnlySpan<ulong> entry, Span<ulong> used);

    /// <summary>Stream table entries.</summary>
    public static Smmu3EntryKind Stream { get; } = new(Smmu3StreamEntry.Valid, OfStream);

    /// <summary>Context descriptors.</summary>
    public static Smmu3EntryKind Context { get; } = new(Smmu3ContextDescriptor.Valid, OfContext);

    private static void OfStream(ReadOnlySpan<ulong> words, Span<ulong> used)
    {
        var entry = new Smmu3StreamEntry(words[0], words[1], words[2], words[3]);
        used.Clear();
        used[0] = Smmu3StreamEntry.Valid;
        if (!entry.IsValid)
        {
            return;
        }

        used[0] = ConfigBits;
        switch (entry.Config)
        {
            case Smmu3StreamEntry.Bypass:
                used[1] = SharingBits;
                break;
            case Smmu3StreamEntry.Stage1:
                // Attributes of what passes stage 1 by count only where something does.
                used[0] = ulong.MaxValue;
                used[1] = Stage1Bits | (entry.DefaultSubstream == Smmu3Entries.PassBy ? SharingBits : 0);
                used[2] = VmidBits;
                break;
            case Smmu3StreamEntry.Stage2:
                used[1] = AtsBits | SharingBits;
                used[2] = ulong.MaxValue;
                used[3] = ulong.MaxValue;
                break;
            case Smmu3StreamEntry.Nested:
                used.Fill(ulong.MaxValue);
                break;
            default:
                break;
        }
    }

    private static void OfContext(ReadOnlySpan<ulong> words, Span<ulong> used)
    {
        used.Clear();
        used[0] = Smmu3ContextDescriptor.Valid;
        if ((words[0] & Smmu3ContextDescriptor.Valid) != 0)
        {
            // Of a half of the addresses that is disabled (EPD0, EPD1), nothing says how it is translated.
            bool hasLower = (words[0] & LowerDisabled) == 0;
            bool hasUpper = (words[0] & UpperDisabled) == 0;
            used[0] = ulong.MaxValue & ~(hasLower ? 0 : LowerShapeBits) & ~(hasUpper ? 0 : UpperShapeBits);
            used[1] = hasLower ? ulong.MaxValue : ~TableBits;
            used[2] = hasUpper ? ulong.MaxValue : ~TableBits;
            used[3] = ulong.MaxValue;
        }
    }
}

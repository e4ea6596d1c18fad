using IommuKit.Specs.Vtd;
using IommuKit.Traces;

namespace IommuKit.Analysis.Verdict;

/// <summary>Commands of VT-d's queue that hardware may not take (VT-d specification, section 6.5.2).</summary>
public sealed class RefusedCommands
{
    // CAP.MAMV is at least 18 where there are pages of 1 GiB. No hardware is known that takes more.
    private const int UsualMask = 18;

    /// <summary>Page-selective invalidations of more pages than 2^18, the most that hardware with pages of 1 GiB has to take.</summary>
    public long MaskTooLarge { get; private set; }

    /// <summary>The line of the first.</summary>
    public long FirstMaskLine { get; private set; }

    /// <summary>Descriptors of a reserved type or granularity, which end in an error of the queue.</summary>
    public long Reserved { get; private set; }

    /// <summary>The line of the first.</summary>
    public long FirstReservedLine { get; private set; }

    internal void Note(in TraceEvent submit)
    {
        var descriptor = submit.Descriptor;
        bool isTlb = descriptor.Type is VtdInvalidationType.Iotlb or VtdInvalidationType.PasidIotlb;
        if (!descriptor.IsDefinedType || (isTlb && !descriptor.DropsTranslations))
        {
            FirstReservedLine = Reserved++ == 0 ? submit.Line : FirstReservedLine;
        }
        else if (isTlb && descriptor.Granularity == VtdGranularity.Selective && descriptor.AddressMask > UsualMask)
        {
            FirstMaskLine = MaskTooLarge++ == 0 ? submit.Line : FirstMaskLine;
        }
    }
}

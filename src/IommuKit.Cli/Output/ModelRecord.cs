using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Machines;

namespace IommuKit.Cli.Output;

/// <summary>A row of <c>iommukit models</c> as JSON and CSV have it. docs/json.md describes the fields.</summary>
internal sealed class ModelRecord(IommuKind kind, IommuTraits traits, int devices)
{
    public string Iommu => kind.Name;

    public string Description => kind.Description;

    public string Format => Paging.Format;

    public int InputBits => traits.InputBits;

    public int OutputBits => traits.OutputBits;

    public string PageSizes => Sizes(traits.PageSizes);

    public string SupportedPageSizes => Sizes(traits.SupportedPageSizes);

    public int AddressSpaces => traits.AddressSpaces;

    public int Devices => devices;

    public bool CoherentWalk => Paging.Flush.HasCoherentWalk;

    public bool CachesInvalidEntries => Paging.Flush.CachesInvalidEntries;

    public int TableCacheLineBytes => Paging.Flush.TableCacheLine;

    public int TlbLines => Paging.Flush.TlbLines;

    public int TlbGroupBytes => Paging.Flush.TlbGroup;

    public bool RangeFlush => Paging.Flush.HasRangeFlush;

    public string TableRelease => Names.Of(Paging.Release);

    private PagingTraits Paging => traits.Paging!;

    private static string Sizes(ulong bitmap) => string.Join(
        ' ', Enumerable.Range(0, 64).Where(bit => (bitmap >> bit & 1) != 0).Select(bit => ByteSize.Format(1ul << bit)));
}

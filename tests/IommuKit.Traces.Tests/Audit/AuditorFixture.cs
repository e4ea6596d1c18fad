using System.Globalization;
using System.Text;
using IommuKit.Traces.Audit;

namespace IommuKit.Traces.Tests.Audit;

/// <summary>Writes small traces, each with one thing in it that an audit has to see, or must not.</summary>
public abstract class AuditorFixture : IDisposable
{
    private readonly string _path = Path.GetTempFileName();
    private readonly StringBuilder _text = new();
    private int _microseconds;

    public void Dispose()
    {
        File.Delete(_path);
        GC.SuppressFinalize(this);
    }

    protected void Map(ulong iova, ulong pages) =>
        Line($"map: IOMMU: iova=0x{iova:x} - 0x{iova + (pages << 12):x} paddr=0x1000 size={pages << 12}");

    protected void Unmap(ulong iova, ulong pages) =>
        Line($"unmap: IOMMU: iova=0x{iova:x} - 0x{iova + (pages << 12):x} size={pages << 12} unmapped_size={pages << 12}");

    /// <summary>An invalidation of 2 to the power of the mask pages, in domain 5; with the hint what is cached of tables stays.</summary>
    protected void Pages(ulong address, int addressMask, bool hint) =>
        Line($"qi_submit: iotlb_inv dmar0: 0x500f2 0x{address | (uint)addressMask | (hint ? 0x40ul : 0):x} 0x0 0x0");

    /// <summary>An invalidation of everything in a domain.</summary>
    protected void Domain(int id) => Line($"qi_submit: iotlb_inv dmar0: 0x{(id << 16) | 0xe2:x} 0x0 0x0 0x0");

    /// <summary>An event, a microsecond after the one before.</summary>
    protected void Line(string text)
    {
        _microseconds++;
        _text.Append(CultureInfo.InvariantCulture, $"a-1 [000] ..... 1.{_microseconds:000000}: {text}\n");
    }

    /// <summary>Text that is no event.</summary>
    protected void Text(string text) => _text.Append(text);

    /// <summary>Moves the time of the next event, by microseconds; -1 makes it that of the event before.</summary>
    protected void Wait(int microseconds) => _microseconds += microseconds;

    /// <summary>Audits what is written so far.</summary>
    protected AuditResult Run()
    {
        File.WriteAllText(_path, _text.ToString());
        return Auditor.Run(_path);
    }
}

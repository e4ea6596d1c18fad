using System.Buffers.Binary;
using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Lab.Tests.Support;

/// <summary>What a page is mapped to.</summary>
internal readonly record struct Mapping(ulong Address, Protection Protection);

/// <summary>
/// A domain with a device that does DMA, and a dictionary of what is mapped. After every operation the device must see what the
/// dictionary says; where the policy allows it to see the state before, that too.
/// </summary>
internal sealed class Tenant : IDisposable
{
    public const ulong Page = 4096;
    public const ulong Section = 4 << 20;

    private readonly Machine _machine;
    private readonly DmaDevice<DeviceMemory> _dma;
    private readonly Dictionary<ulong, Mapping> _pages = [];

    // Starts of what is mapped as 4 MiB sections.
    private readonly HashSet<ulong> _sections = [];

    // Earlier states of pages that the device may still see.
    private readonly Dictionary<ulong, HashSet<Mapping?>> _stale = [];
    private ulong _token;

    public Tenant(Machine machine, string device, DomainOptions options)
    {
        _machine = machine;
        Device = machine.Driver.GetDevice(device);
        Domain = machine.CreateDomain(options);
        Domain.Attach(Device);
        _dma = machine.CreateDma(Device);
    }

    public IommuDomain Domain { get; }

    public IommuDevice Device { get; }

    public IReadOnlyDictionary<ulong, Mapping> Pages => _pages;

    public void Dispose() => Domain.Dispose();

    /// <summary>Maps, and checks the result against the dictionary.</summary>
    public void Map(ulong iova, ulong address, ulong size, Protection protection = Protection.Read | Protection.Write) =>
        MapList(iova, [new PhysicalRange(address, size)], protection);

    public void MapList(ulong iova, PhysicalRange[] list, Protection protection = Protection.Read | Protection.Write)
    {
        ulong size = (ulong)list.Sum(range => (long)range.Length);
        bool isFree = Range(iova, size).All(page => !_pages.ContainsKey(page));
        var error = Domain.TryMapScatterGather(iova, list, protection, out _);
        error.ShouldBe(isFree ? IommuError.None : IommuError.EEXIST);
        if (!isFree)
        {
            return;
        }

        // What was unmapped here and perhaps not flushed was flushed before this map; whether anything else was is not promised.
        foreach (ulong page in Range(iova, size))
        {
            _stale.Remove(page);
        }

        NoteSections(iova, list);
        ulong next = iova;
        foreach (var range in list)
        {
            for (ulong offset = 0; offset < range.Length; offset += Page)
            {
                NoteStale(next, null, Domain.Policy == SyncPolicy.Explicit);
                _pages[next] = new Mapping(range.Address + offset, protection);
                Stamp(range.Address + offset);
                next += Page;
            }
        }
    }

    /// <summary>Unmaps, and checks the result against the dictionary.</summary>
    public void Unmap(ulong iova, ulong size)
    {
        ulong expected = 0;
        while (expected < size && _pages.ContainsKey(iova + expected))
        {
            ulong next = iova + expected;
            if (!_sections.Contains(next & ~(Section - 1)))
            {
                expected += Page;
            }
            else if ((next & (Section - 1)) == 0)
            {
                expected += Section;
            }
            else
            {
                // A section is not split.
                break;
            }
        }

        ulong unmapped = Domain.Unmap(iova, size);
        if (Domain.Options.Release == TableRelease.WhenCovered)
        {
            // Tables that are covered go whole, with the holes in them.
            unmapped.ShouldBeInRange(expected, Math.Max(expected, size));
        }
        else
        {
            unmapped.ShouldBe(expected);
        }

        foreach (ulong page in Range(iova, unmapped).Where(_pages.ContainsKey))
        {
            NoteStale(page, _pages[page], Domain.Policy is SyncPolicy.Explicit or SyncPolicy.Deferred);
            _pages.Remove(page);
            _sections.Remove(page);
        }
    }

    public void Flush()
    {
        Domain.Flush();
        _stale.Clear();
    }

    /// <summary>Lets the device try to read, whatever comes of it: caches fill.</summary>
    public bool Touch(ulong iova) => _dma.Read(iova, new byte[8]).IsComplete;

    /// <summary>Whether the device sees a page as it must, or may.</summary>
    public bool Sees(ulong iova)
    {
        ulong page = iova & ~(Page - 1);
        var seen = Look(page);
        Mapping? now = _pages.TryGetValue(page, out var mapping) ? Visible(mapping) : null;
        return seen == now || (_stale.TryGetValue(page, out var earlier) && earlier.Any(state => (state is { } old ? Visible(old) : null) == seen));
    }

    public void ShouldSee(ulong iova) =>
        Sees(iova).ShouldBeTrue($"{_machine.Name}, {Domain.Policy}: device {Device.Name} sees IOVA 0x{iova:x} as {Look(iova & ~(Page - 1))}");

    /// <summary>Checks pages on and around a range.</summary>
    public void ShouldSeeAround(ulong iova, ulong size)
    {
        ulong first = iova >= 20 * Page ? iova - (20 * Page) : 0;
        ulong last = Math.Min(iova + size + (20 * Page), 1ul << 32);
        ulong step = Page * Math.Max(1, (last - first) / Page / 60);
        for (ulong page = first; page < last; page += step)
        {
            ShouldSee(page);
        }

        foreach (ulong page in (ulong[])[iova, iova + size - Page])
        {
            ShouldSee(page);
        }
    }

    public static IEnumerable<ulong> Range(ulong iova, ulong size)
    {
        for (ulong offset = 0; offset < size; offset += Page)
        {
            yield return iova + offset;
        }
    }

    /// <summary>Which parts of a list become sections: whatever can be one, once pieces that follow each other physically are one piece.</summary>
    private void NoteSections(ulong iova, PhysicalRange[] list)
    {
        for (int i = 0; i < list.Length && (Domain.PageSizes & Section) != 0;)
        {
            var (address, size) = (list[i].Address, list[i].Length);
            for (i++; i < list.Length && list[i].Address == address + size; i++)
            {
                size += list[i].Length;
            }

            ulong end = iova + size;
            while (iova < end)
            {
                bool isSection = iova % Section == 0 && address % Section == 0 && end - iova >= Section;
                if (isSection)
                {
                    _sections.Add(iova);
                }

                iova += isSection ? Section : Page;
                address += isSection ? Section : Page;
            }
        }
    }

    // Without any access a mapping looks like none.
    private static Mapping? Visible(Mapping mapping) => mapping.Protection == Protection.None ? null : mapping;

    private void NoteStale(ulong page, Mapping? state, bool isAllowed)
    {
        if (isAllowed)
        {
            _stale.TryAdd(page, []);
            _stale[page].Add(state);
        }
    }

    /// <summary>What the device finds at a page: where its reads and writes really go.</summary>
    private Mapping? Look(ulong page)
    {
        Span<byte> stamp = stackalloc byte[8];
        bool canRead = _dma.Read(page, stamp).IsComplete;
        ulong address = BinaryPrimitives.ReadUInt64LittleEndian(stamp);

        // The write goes to the second word; it is found again by its value.
        Span<byte> token = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(token, ++_token);
        bool canWrite = _dma.Write(page + 8, token).IsComplete;
        if (!canRead && !canWrite)
        {
            return null;
        }

        if (canWrite)
        {
            // Where it may not read, only the write tells where the page is.
            address = canRead ? address : Candidates(page).FirstOrDefault(candidate => Holds(candidate + 8, _token), ulong.MaxValue);
            if (!Holds(address + 8, _token))
            {
                address = ulong.MaxValue;
            }
        }

        return new Mapping(address, (canRead ? Protection.Read : 0) | (canWrite ? Protection.Write : 0));
    }

    /// <summary>Where a page is, or may still be.</summary>
    private IEnumerable<ulong> Candidates(ulong page)
    {
        if (_pages.TryGetValue(page, out var mapping))
        {
            yield return mapping.Address;
        }

        if (_stale.TryGetValue(page, out var states))
        {
            foreach (var state in states)
            {
                if (state is { } old)
                {
                    yield return old.Address;
                }
            }
        }
    }

    private bool Holds(ulong address, ulong value)
    {
        Span<byte> found = stackalloc byte[8];
        return _machine.Memory.DeviceView.TryRead(address, found) && BinaryPrimitives.ReadUInt64LittleEndian(found) == value;
    }

    /// <summary>Writes into a page its own address, as data.</summary>
    private void Stamp(ulong address)
    {
        Span<byte> stamp = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(stamp, address);
        _machine.Memory.DeviceView.TryWrite(address, stamp).ShouldBeTrue();
    }
}

using System.Numerics;
using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.Models.Dma;
using IommuKit.Specs.PageTables;
using IommuKit.Traces;

namespace IommuKit.Lab.Replay.Devices;

/// <summary>A device beside a replay, that uses through the model of the IOMMU what the replay maps.</summary>
internal sealed class DeviceUse
{
    // Full cycle through any power of two: odd, and far from all small steps.
    private const ulong ScatterStep = 0x9e37_79b1;

    private readonly DeviceProfile _profile;
    private readonly IIommuModel _model;
    private readonly Machine _machine;
    private readonly CacheCounts _before;
    private readonly int _source;
    private readonly ulong _ring;
    private readonly WaitingRanges _waiting = new();
    private ulong _descriptor;
    private long _pages;
    private long _accesses;
    private long _faults;

    /// <summary>Makes the device, and maps its descriptors.</summary>
    /// <param name="profile">How it goes about.</param>
    /// <param name="machine">The machine, with a model.</param>
    /// <param name="domain">The domain that it is attached to, in which nothing is mapped yet.</param>
    /// <exception cref="InputException">The machine has no model that a device could be behind.</exception>
    public DeviceUse(DeviceProfile profile, Machine machine, IommuDomain domain)
    {
        _profile = profile;
        _machine = machine;
        _model = machine.Hardware ?? throw new InputException($"--device: {machine.Name} has no model of what devices see, so that none can use it");
        _source = machine.CreateDma(machine.TestDevice).WriteSource;
        if (profile.RingBytes != 0)
        {
            // Kernels give IOVAs from the top down, and guests have their memory at the bottom.
            _ring = domain.ApertureEnd / 8 * 5 & ~((1ul << 21) - 1);
            if (domain.TryMap(_ring, machine.DataStart, profile.RingBytes, Protection.Read | Protection.Write) != IommuError.None)
            {
                throw new InputException($"--device: {machine.Name} has no room to map the descriptors of {profile.Name}");
            }
        }

        _before = machine.Caches;
    }

    /// <summary>Whether it turns to what waits when one more range is mapped.</summary>
    public bool IsFull => _waiting.Count >= _profile.Queue;

    /// <summary>A range was mapped: the device will come to it.</summary>
    public void Mapped(ulong iova, ulong last)
    {
        _waiting.Add(iova, last);
        if (_waiting.Count > _profile.Queue)
        {
            Use(_profile.Burst);
        }
    }

    /// <summary>A range is about to be unmapped: the device is done with it, and went on to those that were mapped after it.</summary>
    public void Unmapping(ulong iova, ulong last)
    {
        int used = 0;
        while (_waiting.TryTakeOverlapping(iova, last, out var range))
        {
            Use(range);
            used++;
        }

        for (; used != 0 && used < _profile.Burst && _waiting.TryTakeNext(out var next); used++)
        {
            Use(next);
        }
    }

    /// <summary>Uses what is left, and says what it took.</summary>
    /// <exception cref="InputException">The model does not say what its caches do.</exception>
    public DeviceUsage Finish()
    {
        Use(_waiting.Count);
        var caches = _machine.Caches - _before;
        if (_accesses != 0 && caches.TlbHits + caches.TlbMisses == 0)
        {
            throw new InputException($"--device: the model of {_machine.Name} does not say what its caches do");
        }

        var usage = new DeviceUsage(_profile.Name, _pages, _accesses, caches.TlbMisses, caches.TableCacheMisses, _faults, 0, _profile.GigabitsAt(0))
        {
            Traffic = _profile.Traffic,
        };
        return usage with { Gigabits = _profile.GigabitsAt(usage.ReadsPerPage) };
    }

    private void Use(int count)
    {
        for (; count > 0 && _waiting.TryTakeOldest(out var range); count--)
        {
            Use(range);
        }
    }

    private void Use(DeviceRange range)
    {
        if (_profile.RingBytes != 0)
        {
            Access(_ring + _descriptor);
            _descriptor = (_descriptor + (ulong)_profile.DescriptorBytes) % _profile.RingBytes;
        }

        ulong first = range.First / SmallPage.Bytes;
        ulong pages = Math.Min((range.Last / SmallPage.Bytes) - first + 1, DeviceProfile.MostPages);
        ulong cycle = BitOperations.RoundUpToPowerOf2(pages);
        ulong page = 0;
        for (ulong done = 0; done < pages;)
        {
            if (page < pages)
            {
                Access((first + page) * SmallPage.Bytes);
                done++;
            }

            page = _profile.Order == DeviceOrder.Ascending ? page + 1 : (page + ScatterStep) & (cycle - 1);
        }

        _pages += (long)pages;
    }

    private void Access(ulong iova)
    {
        _accesses++;
        _faults += _model.Translate(new DmaRequest(_source, iova, IsWrite: true)).IsAllowed ? 0 : 1;
    }
}

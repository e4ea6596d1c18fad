using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.PageTables;

namespace MyIommu;

/// <summary>
/// The hardware: registers, a TLB that keeps what it has seen until it is told to drop it, and a walker. Register writes are posted: they take effect
/// at a read, or when <see cref="Settle"/> lets them.
/// </summary>
public sealed class MyModel(DeviceMemory memory) : IMmio, IIommuModel
{
    private readonly object _gate = new();
    private readonly Queue<(uint Offset, uint Value)> _posted = [];
    private readonly Dictionary<(uint Space, ulong Page), Translation> _tlb = [];
    private readonly uint[] _roots = new uint[MyRegisters.Devices];
    private readonly uint[] _routes = new uint[MyRegisters.Devices];
    private uint _space;

    public AccessGate Accesses { get; } = new();

    public uint Read32(uint offset)
    {
        Settle();

        // Accesses that used what was dropped have ended when the read is answered.
        Accesses.Drain();
        return 0;
    }

    public void Write32(uint offset, uint value)
    {
        lock (_gate)
        {
            _posted.Enqueue((offset, value));
        }
    }

    /// <summary>Lets writes take effect, as the hardware may at any time.</summary>
    public void Settle()
    {
        lock (_gate)
        {
            while (_posted.TryDequeue(out var write))
            {
                Apply(write.Offset, write.Value);
            }
        }
    }

    /// <summary>Forgets translations, as the hardware may at any time.</summary>
    public void Evict()
    {
        lock (_gate)
        {
            _tlb.Clear();
        }
    }

    public Translation Translate(in DmaRequest request)
    {
        lock (_gate)
        {
            uint route = (uint)request.Source < MyRegisters.Devices ? _routes[request.Source] : 0;
            if (route == 0 || route > MyRegisters.Devices)
            {
                return Translation.Fault;
            }

            uint space = route - 1;
            ulong page = request.Iova >> 12;
            if (!_tlb.TryGetValue((space, page), out var translation))
            {
                translation = Walk(_roots[space], page << 12);
                if (translation.IsAllowed)
                {
                    _tlb.Add((space, page), translation);
                }
            }

            var needed = request.IsWrite ? Protection.Write : Protection.Read;
            return (translation.Rights & needed) != 0 ? translation : Translation.Fault;
        }
    }

    public void ReportDecodeError(in DmaRequest request, ulong physicalAddress)
    {
        // It has no register to say so.
    }

    private Translation Walk(uint root, ulong iova)
    {
        if ((root & MyRegisters.RootIsValid) == 0 || iova >> 32 != 0)
        {
            return Translation.Fault;
        }

        // The reader believes nothing that is in memory, and ends whatever is there.
        var step = new PageTableReader<MyFormat, DeviceMemory>(memory, root & ~0xfffu, inputBits: 32, outputBits: 32).Walk(iova);
        return step.End == WalkEnd.Page ? new Translation(IsAllowed: true, iova, 4096, step.PhysicalAddress, step.Rights) : Translation.Fault;
    }

    private void Apply(uint offset, uint value)
    {
        switch (offset)
        {
            case MyRegisters.Space:
                _space = value % MyRegisters.Devices;
                break;
            case MyRegisters.Root:
                _roots[_space] = value;
                break;
            case MyRegisters.InvalidatePage:
                _tlb.Remove((_space, value >> 12));
                break;
            case MyRegisters.InvalidateSpace:
                foreach (var key in _tlb.Keys.Where(key => key.Space == _space).ToArray())
                {
                    _tlb.Remove(key);
                }

                break;
            case >= MyRegisters.FirstDevice when (offset - MyRegisters.FirstDevice) / 4 is < MyRegisters.Devices and var device:
                _routes[device] = value;
                break;
        }
    }
}

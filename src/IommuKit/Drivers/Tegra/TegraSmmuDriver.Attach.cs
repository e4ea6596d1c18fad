using IommuKit.Domains;
using IommuKit.Specs.Tegra;

namespace IommuKit.Drivers.Tegra;

/// <content>Attaching and detaching swgroups. Callers hold the attach lock.</content>
public sealed partial class TegraSmmuDriver
{
    /// <inheritdoc/>
    protected internal override void Switch(IommuDevice device, int pasid, IommuDomain? oldDomain, IommuDomain? newDomain)
    {
        if (newDomain is not null)
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
        }

        var next = PagingOf(newDomain);
        var last = PagingOf(oldDomain);
        lock (RegisterLock)
        {
            if (next is not null)
            {
                var space = _spaces[next];
                if (space.Users == 0)
                {
                    Load(space, next.RootAddress);
                }

                space.Users++;
                Connect((TegraSwgroupDevice)device, space.Asid);
            }
            else
            {
                Disconnect((TegraSwgroupDevice)device);
            }

            if (last is not null && --_spaces[last].Users == 0)
            {
                Unload(_spaces[last]);
            }
        }
    }

    /// <summary>
    /// The page table of a domain; null for identity, where the SMMU lets a swgroup pass, as it does with those in no domain. It has no way to stop
    /// one but an address space in which nothing is mapped.
    /// </summary>
    private PagingDomain? PagingOf(IommuDomain? domain) => domain switch
    {
        null or FixedDomain { IsIdentity: true } => null,
        FixedDomain => _empty ??= CreateDomain(),
        PagingDomain paging when _spaces.ContainsKey(paging) => paging,
        _ => throw new IommuException(IommuError.EINVAL, $"{Soc} has not made this domain."),
    };

    /// <inheritdoc/>
    protected internal override void Forget(IommuDomain domain)
    {
        _spaces.Remove(domain);
        if (domain == _empty)
        {
            _empty = null;
        }
    }

    /// <summary>Gives a domain an address space of the hardware.</summary>
    private void Load(TegraAddressSpace space, ulong root)
    {
        int asid = 0;
        while (asid < _asids.Length && _asids[asid])
        {
            asid++;
        }

        if (asid == _asids.Length)
        {
            throw new IommuException(IommuError.ENOSPC, $"All {_asids.Length} address spaces of {Soc} are in use.");
        }

        _asids[asid] = true;
        Cache.Clean(root, 1ul << TegraEntry.PageShift);
        Cache.Barrier();

        // From here on the policies invalidate.
        space.Asid = asid;
        Interlocked.MemoryBarrier();

        // Its tables are in memory of others' former tables, of which lines may still be cached, with nothing but vacant entries: whatever is stored
        // while a device is attached is flushed then. So it is enough to do as the driver in Linux does, and others keep what is cached of theirs.
        // But what was stored while no device was attached was not flushed, and may be in any line of any table.
        if (space.TakeMissed())
        {
            FlushPtc();
        }
        else
        {
            FlushPtcLines(root, (ulong)Soc.AtomBytes);
        }

        FlushTlb(asid);
        WriteRoot(asid, TegraPtb.Root(root));
        ReadBack();
    }

    /// <summary>
    /// Takes it back. The driver in Linux leaves stale lines to the next attach; but tables that are freed while no device is attached
    /// are not flushed any more, so nothing of them may remain now.
    /// </summary>
    private void Unload(TegraAddressSpace space)
    {
        WriteRoot(space.Asid, 0);
        FlushPtc();
        FlushTlb(space.Asid);
        ReadBack();
        _asids[space.Asid] = false;
        space.Drop();
    }

    private void WriteRoot(int asid, uint value)
    {
        _mc.Write32(TegraMc.PtbAsid, (uint)asid);
        _mc.Write32(TegraMc.PtbData, value);
    }

    private void Connect(TegraSwgroupDevice device, int asid)
    {
        uint value = _mc.Read32(device.Swgroup.AsidRegister) & ~TegraMc.SwgroupBits.AsidMask;
        _mc.Write32(device.Swgroup.AsidRegister, value | TegraMc.SwgroupBits.Enable | (uint)asid);
        SetTranslation(device, isOn: true);
        ReadBack();
    }

    private void Disconnect(TegraSwgroupDevice device)
    {
        uint value = _mc.Read32(device.Swgroup.AsidRegister);
        _mc.Write32(device.Swgroup.AsidRegister, value & ~TegraMc.SwgroupBits.Enable);
        SetTranslation(device, isOn: false);
        ReadBack();
    }

    private void SetTranslation(TegraSwgroupDevice device, bool isOn)
    {
        foreach (var client in device.Clients)
        {
            // A client without an enable bit is left alone. (Linux reads and writes back offset 0 for some, which is the
            // write-1-to-clear interrupt status.)
            if (client is { Enable: TegraClientEnable.ReadWrite, EnableRegister: { } register })
            {
                uint value = _mc.Read32(register);
                _mc.Write32(register, isOn ? value | client.EnableMask : value & ~client.EnableMask);
            }
        }
    }
}

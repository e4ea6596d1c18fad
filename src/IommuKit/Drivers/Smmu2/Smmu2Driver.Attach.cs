using IommuKit.Domains;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Drivers.Smmu2;

/// <content>Devices change domains: one write of an S2CR, so that there is no gap. Callers hold the attach lock.</content>
public sealed partial class Smmu2Driver
{
    /// <inheritdoc/>
    protected internal override void Switch(IommuDevice device, int pasid, IommuDomain? oldDomain, IommuDomain? newDomain)
    {
        if (newDomain is not null)
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
        }

        var next = SpaceOf(newDomain);
        var last = SpaceOf(oldDomain);
        if (next is { Users: 0 })
        {
            Load(next, newDomain!);
        }

        var context = next is not null ? Smmu2StreamContext.Translate(next.Bank)
            : newDomain is FixedDomain { IsIdentity: true } ? Smmu2StreamContext.Bypass
            : Smmu2StreamContext.Fault;
        WriteContext(((Smmu2StreamDevice)device).Group, context);

        // It may be on its way for a while: a read of it is answered after it took effect.
        _ = _registers.Read(Smmu2Global.StreamContext + ((uint)((Smmu2StreamDevice)device).Group * sizeof(uint)));
        if (next is not null)
        {
            next.Users++;
        }

        if (last is not null && --last.Users == 0)
        {
            Unload(last);
        }
    }

    /// <inheritdoc/>
    protected internal override void Forget(IommuDomain domain) => _spaces.Remove(domain);

    private Smmu2AddressSpace? SpaceOf(IommuDomain? domain) => domain switch
    {
        null or FixedDomain => null,
        _ when _spaces.TryGetValue(domain, out var space) => space,
        _ => throw new IommuException(IommuError.EINVAL, $"{Traits.Name} has not made this domain."),
    };

    /// <summary>Gives a domain a context bank.</summary>
    private void Load(Smmu2AddressSpace space, IommuDomain domain)
    {
        int bank = _firstBank;
        while (bank < _banks.Length && _banks[bank])
        {
            bank++;
        }

        if (bank == _banks.Length)
        {
            throw new IommuException(IommuError.ENOSPC, $"All {Traits.AddressSpaces} context banks of {Traits.Name} are in use.");
        }

        // The root is zeros until the first map.
        if (!_unit.IsCoherent)
        {
            _cache.Clean(space.Root, _tables.RootBytes(3 - space.StartLevel, Traits.InputBits));
        }

        _banks[bank] = true;
        Volatile.Write(ref _owners[bank], domain);
        space.Bank = bank;

        // Operations that do not see the bank have stored before this fence, and hardware walks only after it.
        Interlocked.MemoryBarrier();
        _cache.Barrier();
        _setup.Apply(_registers, bank, space.Root, space.StartLevel);
    }

    /// <summary>Takes it back: nothing of it remains in any cache.</summary>
    private void Unload(Smmu2AddressSpace space)
    {
        int bank = space.Bank;
        space.DropAllAndWait(bank);
        _registers.WriteBank(bank, Smmu2Bank.SystemControl, 0);
        space.Drop();
        Volatile.Write(ref _owners[bank], null);
        _banks[bank] = false;
    }

    private void WriteContext(int group, Smmu2StreamContext context)
    {
        uint valid = _unit.HasWideStreamIds ? Smmu2StreamContext.MatchValid : 0;
        _registers.Write(Smmu2Global.StreamContext + ((uint)group * sizeof(uint)), context.Value | valid);
    }
}

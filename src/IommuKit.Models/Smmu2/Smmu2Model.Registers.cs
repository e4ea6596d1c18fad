using IommuKit.Models.Dma;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Smmu2;

/// <content>Accesses of registers, and those of global space 0 and 1.</content>
public sealed partial class Smmu2Model<TMemory>
{
    private const uint AuxiliaryReset = 0x0400_0004;
    private const uint HalfMask = 7;

    private readonly uint[] _matches;
    private readonly uint[] _contexts;
    private readonly Smmu2BankState[] _banks;
    private uint _control;
    private uint _auxiliary;

    // sCR0: all that a write can change.
    private uint ControlMask => 0x0fff_ffffu
        & ~(_unit.HasWideStreamIds ? 0 : Smmu2Global.Control.WideStreamIds)
        & ~(_unit.ConflictsFault ? Smmu2Global.Control.ConflictFaults : 0)
        & ~(_unit.HidesConfigurationFaults
            ? Smmu2Global.Control.ConfigurationFaultAborts | Smmu2Global.Control.ConfigurationFaultInterrupt
            : 0)
        & ~(_unit.HasStallOverrides ? 0 : Smmu2Global.Control.StallDisable | Smmu2Global.Control.GlobalStall)
        | (_unit.HasWideVmids ? Smmu2Global.Control.WideVmids : 0);

    private uint ControlFixed => _unit.ConflictsFault ? Smmu2Global.Control.ConflictFaults : 0;

    /// <inheritdoc/>
    public uint Read32(uint offset)
    {
        bool hasEnded;
        uint value;
        lock (_gate)
        {
            value = ReadLocked(offset & ~3u, out hasEnded);
        }

        if (hasEnded)
        {
            Accesses.Drain();
        }

        return value;
    }

    /// <inheritdoc/>
    public ulong Read64(uint offset) => Read32(offset & ~HalfMask) | ((ulong)Read32(offset | 4) << 32);

    /// <inheritdoc/>
    public void Write32(uint offset, uint value) => Write(offset & ~3u, value, isWide: false);

    /// <inheritdoc/>
    public void Write64(uint offset, ulong value) => Write(offset & ~HalfMask, value, isWide: true);

    private void Write(uint offset, ulong value, bool isWide)
    {
        Smmu2StallEnd? end = null;
        InvalidationNotice? notice;
        bool changesRoutes;
        lock (_gate)
        {
            var routes = _routes;
            int bank = _unit.BankAt(offset, out uint inPage);
            if (bank >= 0)
            {
                if (bank < _banks.Length)
                {
                    WriteBank(bank, inPage, value, isWide, out end);
                }
            }
            else
            {
                WriteGlobal(offset, (uint)value, value);
                if (isWide && !IsGlobalTranslation(offset))
                {
                    WriteGlobal(offset + 4, (uint)(value >> 32), value >> 32);
                }
            }

            changesRoutes = routes != _routes;
            if (changesRoutes)
            {
                Note(new InvalidationNotice(InvalidationScope.Everything));
            }

            notice = TakeNotice();
        }

        if (notice is { } told)
        {
            Invalidated?.Invoke(told);
        }

        if (changesRoutes)
        {
            // What was translated as registers said before has reached memory when the write returns.
            Accesses.Drain();
        }

        if (end is { } ended)
        {
            StallEnded?.Invoke(ended);
        }

        TellIfDue();
    }

    private bool IsGlobalTranslation(uint offset) =>
        _unit.HasAddressTranslation && offset is >= Smmu2Global.TranslateFirst and <= Smmu2Global.TranslateLast + 4;

    private uint ReadLocked(uint offset, out bool hasEnded)
    {
        hasEnded = false;
        int bank = _unit.BankAt(offset, out uint inPage);
        if (bank >= 0)
        {
            return bank >= _banks.Length ? 0
                : inPage == Smmu2Bank.SyncStatus ? ReadSync(bank, out hasEnded)
                : ReadBank(bank, inPage);
        }

        return (int)(offset >> _unit.PageShift) switch
        {
            0 when inPage == Smmu2Global.SyncStatus => ReadSync(GlobalBank, out hasEnded),
            0 => ReadGlobal(inPage),
            1 => ReadRouting(inPage),
            _ => 0,
        };
    }

    private uint ReadGlobal(uint offset) => offset switch
    {
        Smmu2Global.Control0 => (_control & (AreStallsForbidden ? ~Smmu2Global.Control.GlobalStall : uint.MaxValue)) | ControlFixed,
        Smmu2Global.Auxiliary => _auxiliary,
        Smmu2Global.Idr0 => _unit.Idr0,
        Smmu2Global.Idr1 => _unit.Idr1,
        Smmu2Global.Idr2 => _unit.Idr2,
        Smmu2Global.Idr7 => _unit.Idr7,
        Smmu2Global.FaultAddress => (uint)_globalAddress,
        Smmu2Global.FaultAddress + 4 => (uint)(_globalAddress >> 32),
        Smmu2Global.FaultStatus => _globalStatus,
        Smmu2Global.Syndrome0 => _globalSyndrome0,
        Smmu2Global.Syndrome1 => _globalSyndrome1,
        Smmu2Global.TranslationResult => (uint)_globalResult,
        Smmu2Global.TranslationResult + 4 => (uint)(_globalResult >> 32),
        >= Smmu2Global.StreamMatch and < Smmu2Global.StreamContext => ReadGroup(_matches, offset - Smmu2Global.StreamMatch),
        >= Smmu2Global.StreamContext and < Smmu2Global.Identification => ReadGroup(_contexts, offset - Smmu2Global.StreamContext),
        >= 0xfe0 and < 0xff0 => (_unit.PeripheralId >> (int)((offset - 0xfe0) * 2)) & 0xff,
        >= 0xff0 and <= 0xffc when _unit.PeripheralId != 0 => 0xb105_f00du >> (int)((offset - 0xff0) * 2) & 0xff,
        _ => 0,
    };

    private static uint ReadGroup(uint[] registers, uint offset) => offset / 4 < registers.Length ? registers[offset / 4] : 0;

    private uint ReadRouting(uint offset)
    {
        uint index = (offset & 0x3ff) / 4;
        return index >= _banks.Length ? 0 : (offset & ~0x3ffu) switch
        {
            Smmu2Routing.Attributes => _banks[index].Attributes,
            Smmu2Routing.FaultStream => _banks[index].FaultStream,
            Smmu2Routing.Attributes2 => _banks[index].Attributes2,
            _ => 0,
        };
    }

    private void WriteGlobal(uint offset, uint value, ulong wide)
    {
        uint inPage = offset & ((1u << _unit.PageShift) - 1);
        switch ((int)(offset >> _unit.PageShift))
        {
            case 0:
                WriteGlobal0(inPage, value, wide);
                break;
            case 1:
                WriteRouting(inPage, value);
                break;
            default:
                break;
        }
    }

    private void WriteGlobal0(uint offset, uint value, ulong wide)
    {
        switch (offset)
        {
            case Smmu2Global.Control0:
                _control = value & ControlMask;
                ChangeRoutes();
                UpdateGlobalLine();
                break;
            case Smmu2Global.Auxiliary:
                _auxiliary = value;
                break;
            case Smmu2Global.FaultStatus:
                _globalStatus &= ~value;
                UpdateGlobalLine();
                break;
            case Smmu2Global.FaultStatusRestore:
                _globalStatus = value & Smmu2Global.Faults.Mask;
                UpdateGlobalLine();
                break;
            case Smmu2Global.FaultAddress:
                _globalAddress = (_globalAddress & ~(ulong)uint.MaxValue) | value;
                break;
            case Smmu2Global.FaultAddress + 4:
                _globalAddress = (uint)_globalAddress | ((ulong)value << 32);
                break;
            case Smmu2Global.Syndrome0:
                _globalSyndrome0 = value;
                break;
            case Smmu2Global.Syndrome1:
                _globalSyndrome1 = value;
                break;
            case Smmu2Global.DropVmid or Smmu2Global.DropVmidFirst or Smmu2Global.DropAllGuests or Smmu2Global.DropHypervisor:
                InvalidateGlobally(offset, value);
                break;
            case Smmu2Global.Sync:
                BeginSync(GlobalBank);
                break;
            case >= Smmu2Global.StreamMatch and < Smmu2Global.StreamContext when _unit.HasStreamMatching:
                WriteMatch((offset - Smmu2Global.StreamMatch) / 4, value);
                break;
            case >= Smmu2Global.StreamContext and < Smmu2Global.Identification:
                WriteContext((offset - Smmu2Global.StreamContext) / 4, value);
                break;
            default:
                // Of two writes of 32 bits the lower one acts.
                if (IsGlobalTranslation(offset) && (offset & 4) == 0)
                {
                    TranslateGlobally(offset, _unit.Version == Smmu2Version.V1 ? value : wide);
                }

                break;
        }
    }

    private void WriteMatch(uint group, uint value)
    {
        if (group < _matches.Length)
        {
            bool isWide = HasWideStreams;
            uint width = _unit.StreamMask(isWide);
            _matches[group] = value & (width | (width << Smmu2StreamMatch.MaskShift) | (isWide ? 0 : Smmu2StreamMatch.Valid));
            ChangeRoutes();
        }
    }

    private void WriteContext(uint group, uint value)
    {
        if (group < _contexts.Length)
        {
            _contexts[group] = value & (_unit.HasWideStreamIds ? uint.MaxValue : ~Smmu2StreamContext.MatchValid) & 0x3fff_ffff;
            ChangeRoutes();
        }
    }

    private void WriteRouting(uint offset, uint value)
    {
        uint index = (offset & 0x3ff) / 4;
        if (index >= _banks.Length)
        {
            return;
        }

        var bank = _banks[index];
        switch (offset & ~0x3ffu)
        {
            case Smmu2Routing.Attributes:
                bank.Attributes = _unit.IsStage2Bank((int)index) ? value & ~Smmu2BankAttributes.TypeMask : value;
                ChangeRoutes();
                break;
            case Smmu2Routing.FaultStream:
                bank.FaultStream = value;
                break;
            case Smmu2Routing.Attributes2 when _unit.Version == Smmu2Version.V2:
                bank.Attributes2 = value & ((_unit.HasAarch64Tables ? 3u : 2) | (_unit.HasWideVmids ? 0xffff_0000 : 0));
                ChangeRoutes();
                break;
            default:
                break;
        }
    }

    private void ResetRegisters()
    {
        _control = Smmu2Global.Control.Reset;
        _auxiliary = _unit.HasCacheLock ? AuxiliaryReset : 0;
        (_globalStatus, _globalAddress, _globalSyndrome0, _globalSyndrome1) = (0, 0, 0, 0);
        _globalResult = 0;
        (_postedCount, _isSyncing, _syncReads) = (0, false, 0);
        Array.Clear(_matches);
        Array.Fill(_contexts, Smmu2StreamContext.Reset.Value);
        for (int bank = 0; bank < _banks.Length; bank++)
        {
            _banks[bank].Reset(_unit);
            UpdateLine(bank);
        }

        UpdateGlobalLine();
        ChangeRoutes();
    }
}

using IommuKit.Models.Dma;
using IommuKit.Specs.Tegra;

namespace IommuKit.Models.Tegra;

/// <content>The registers.</content>
public sealed partial class TegraSmmuModel<TMemory>
{
    // The hardware's own counters.
    private GatedCounter _tlbHitCounter;
    private GatedCounter _tlbMissCounter;
    private GatedCounter _ptcHitCounter;
    private GatedCounter _ptcMissCounter;

    private void AddHoldingRegisters()
    {
        foreach (var group in _soc.Swgroups)
        {
            uint asids = IsWide(group.Name) ? 0x7f7f_7f7fu : (uint)_soc.AsidCount - 1;
            Hold(group.AsidRegister, TegraMc.SwgroupBits.Enable | asids);
            _steers[group.AsidRegister / sizeof(uint)] = true;
            _hasWindows |= IsWide(group.Name);
        }

        foreach (var client in _soc.Clients)
        {
            if (client.EnableRegister is not { } register)
            {
                continue;
            }

            if (client.Enable == TegraClientEnable.ReadWrite)
            {
                Hold(register, client.EnableMask);
                _steers[register / sizeof(uint)] = true;
            }
            else
            {
                // Firmware has set the bits that software cannot.
                _firmware[register / sizeof(uint)] |= client.EnableMask;
            }

            if (_soc.FindSwgroup(client.Swgroup) is { } group)
            {
                _routes[client.Id] = new ClientRoute(register, client.EnableMask, group.AsidRegister, IsWide(group.Name));
            }
        }

        for (int i = 0; i < (_soc.AsidBits == 7 ? TegraMc.AsidSecurityCount : 1); i++)
        {
            Hold(TegraMc.AsidSecurity(i), uint.MaxValue);
        }

        for (int i = 0; i < TegraMc.ClientConfigCount; i++)
        {
            Hold(TegraMc.ClientConfig(i), uint.MaxValue);
        }

        Hold(TegraMc.HotResetControl, uint.MaxValue);
        Hold(TegraMc.HotResetControl1, uint.MaxValue);
        if (_soc == TegraSoc.Tegra210)
        {
            Hold(TegraMc.StatsTlbSource, uint.MaxValue);
        }
    }

    /// <summary>Whether a group sees 34 bits of IOVA; the parts with few address spaces have no such groups.</summary>
    private bool IsWide(string group) => _soc.AsidBits == 7 && _options.WideSwgroups.Contains(group);

    private void Hold(uint offset, uint writable) => _writable[offset / sizeof(uint)] |= writable;

    private uint Held(uint offset) => offset < TegraMc.Size ? _values[offset / sizeof(uint)] : 0;

    private uint ReadRegister(uint offset) => offset switch
    {
        TegraMc.IntStatus => _intStatus,
        TegraMc.IntMask => _intMask,
        TegraMc.ErrStatus => _errStatus.Value,
        TegraMc.ErrAdr => _errAddress,
        TegraMc.SmmuConfig => _smmuConfig,
        TegraMc.TlbConfig => _tlbConfig,
        TegraMc.PtcConfig => _ptcConfig,
        TegraMc.PtbAsid => _selectedAsid,
        TegraMc.PtbData => _roots[_selectedAsid],
        TegraMc.StatsTlbHit => _tlbHitCounter.Read(_tlbHits.Total),
        TegraMc.StatsTlbMiss => _tlbMissCounter.Read(_tlbMisses),
        TegraMc.StatsPtcHit => _ptcHitCounter.Read(_ptc.Hits),
        TegraMc.StatsPtcMiss => _ptcMissCounter.Read(_ptc.Misses),

        // A blocked engine is idle at once.
        TegraMc.HotResetStatus => Held(TegraMc.HotResetControl),
        TegraMc.HotResetStatus1 => Held(TegraMc.HotResetControl1),
        _ => Held(offset),
    };

    private void WriteRegister(uint offset, uint value)
    {
        _effects++;
        _changes.Begin();
        try
        {
            ChangeRegister(offset, value);
        }
        finally
        {
            _changes.End();
        }
    }

    private void ChangeRegister(uint offset, uint value)
    {
        switch (offset)
        {
            case TegraMc.IntStatus:
                _intStatus &= ~value;
                break;
            case TegraMc.IntMask:
                _intMask = value & TegraMc.Interrupt.All;
                break;
            case TegraMc.SmmuConfig:
                _smmuConfig = value & TegraMc.SmmuConfigBits.Enable;
                NoteEverything();
                break;
            case TegraMc.TlbConfig:
                WriteTlbConfig(value);
                break;
            case TegraMc.PtcConfig:
                WritePtcConfig(value);
                break;
            case TegraMc.PtbAsid:
                _selectedAsid = value & (uint)(_soc.AsidCount - 1);
                break;
            case TegraMc.PtbData:
                _roots[_selectedAsid] = value & (TegraEntry.RightsMask | TegraEntry.FrameMask);
                Note(new InvalidationNotice(InvalidationScope.AddressSpace, Space: (int)_selectedAsid));
                break;
            case TegraMc.TlbFlush:
                FlushTlb(new TegraTlbFlush(value));
                break;
            case TegraMc.PtcFlush:
                FlushPtc(new TegraPtcFlush(value));
                break;
            case TegraMc.PtcFlushHigh when _soc.HasPtcFlushHigh:
                _ptcFlushHigh = value & 3;
                break;
            default:
                if (offset < TegraMc.Size)
                {
                    uint writable = _writable[offset / sizeof(uint)];
                    ref uint held = ref _values[offset / sizeof(uint)];
                    held = (held & ~writable) | (value & writable);
                    if (_steers[offset / sizeof(uint)])
                    {
                        NoteEverything();
                    }
                }

                break;
        }
    }

    private void WriteTlbConfig(uint value)
    {
        bool isCounting = (value & TegraMc.TlbConfigBits.StatsEnable) != 0;
        bool isReset = (value & TegraMc.TlbConfigBits.StatsTest) != 0;
        _tlbHitCounter.Set(isCounting, isReset, _tlbHits.Total);
        _tlbMissCounter.Set(isCounting, isReset, _tlbMisses);
        uint lines = value & _soc.TlbLinesMask;
        _tlbConfig = (value & ~(TegraMc.TlbConfigBits.StatsTest | TegraMc.TlbConfigBits.ActiveLinesMask)) | lines;
        if (!_soc.RoundRobinArbitration)
        {
            _tlbConfig &= ~TegraMc.TlbConfigBits.RoundRobinArbitration;
        }

        ApplyTlbConfig();
    }

    private void ApplyTlbConfig()
    {
        // More lines than there are switch the TLB off in effect (Linux commit 11cec15bf3fb).
        uint lines = _tlbConfig & _soc.TlbLinesMask;
        int active = lines <= (uint)_tlb.Lines ? (int)lines : 0;
        if (active != _tlb.ActiveLines)
        {
            NoteEverything();
        }

        _tlb.ActiveLines = active;
    }

    private void WritePtcConfig(uint value)
    {
        bool isCounting = (value & TegraMc.PtcConfigBits.StatsEnable) != 0;
        bool isReset = (value & TegraMc.PtcConfigBits.StatsTest) != 0;
        _ptcHitCounter.Set(isCounting, isReset, _ptc.Hits);
        _ptcMissCounter.Set(isCounting, isReset, _ptc.Misses);
        _ptcConfig = value & ~TegraMc.PtcConfigBits.StatsTest;
        ApplyPtcConfig();
    }

    private void ApplyPtcConfig()
    {
        _ptc.IsEnabled = (_ptcConfig & TegraMc.PtcConfigBits.CacheEnable) != 0;
        _ptc.IndexMask = _ptcConfig & TegraMc.PtcConfigBits.IndexMapMask;
    }

    private void FlushTlb(TegraTlbFlush command)
    {
        int? asid = command.MatchesAsid ? command.AsidOn(_soc) : null;
        NoteFlush(command, asid);
        switch (command.Match)
        {
            case TegraTlbFlushMatch.All when asid is null:
                _tlb.FlushAll();
                break;
            case TegraTlbFlushMatch.All:
                _tlb.Flush(asid, 0, shift: 32);
                break;
            case TegraTlbFlushMatch.Section:
                _tlb.Flush(asid, command.Address, TegraEntry.SectionShift);
                break;
            case TegraTlbFlushMatch.Group:
                _tlb.Flush(asid, command.Address, _groupShift);
                break;
        }
    }

    private void FlushPtc(TegraPtcFlush command)
    {
        if (_tlb.ActiveLines == 0)
        {
            // No other flush need follow.
            NoteEverything();
        }

        if (!command.IsLine)
        {
            _ptc.FlushAll();
            return;
        }

        _ptc.FlushLine(command.AddressLow | ((ulong)_ptcFlushHigh << 32));
        if (!_options.KeepsPtcFlushHigh)
        {
            _ptcFlushHigh = 0;
        }
    }

    /// <summary>Where the registers of a client are.</summary>
    /// <param name="EnableRegister">Offset of its TRANSLATION_ENABLE register.</param>
    /// <param name="EnableMask">Its bit there.</param>
    /// <param name="AsidRegister">Offset of its group's ASID register.</param>
    /// <param name="IsWide">Whether its group sees 34 bits of IOVA.</param>
    private sealed record ClientRoute(uint EnableRegister, uint EnableMask, uint AsidRegister, bool IsWide);
}

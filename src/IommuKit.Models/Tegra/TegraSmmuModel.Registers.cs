using IommuKit.Specs.Tegra;

namespace IommuKit.Models.Tegra;

/// <content>The registers.</content>
public sealed partial class TegraSmmuModel<TMemory>
{
    // The hardware's own counters start when they were last reset.
    private long _tlbHitBase;
    private long _tlbMissBase;
    private long _ptcHitBase;
    private long _ptcMissBase;

    private void AddHoldingRegisters()
    {
        uint asids = _soc.AsidBits == 7 ? 0x7f7f_7f7fu : 0x3u;
        foreach (var group in _soc.Swgroups)
        {
            Hold(group.AsidRegister, TegraMc.SwgroupBits.Enable | asids);
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
            }
            else
            {
                // Firmware has set the bits that software cannot.
                _values[register / sizeof(uint)] |= client.EnableMask;
            }

            if (_soc.FindSwgroup(client.Swgroup) is { } group)
            {
                _routes[client.Id] = new ClientRoute(register, client.EnableMask, group.AsidRegister, _options.WideSwgroups.Contains(group.Name));
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
        Hold(TegraMc.StatsTlbSource, uint.MaxValue);
    }

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
        TegraMc.StatsTlbHit => Counter(TegraMc.TlbConfigBits.StatsEnable, _tlbConfig, _tlbHits - _tlbHitBase),
        TegraMc.StatsTlbMiss => Counter(TegraMc.TlbConfigBits.StatsEnable, _tlbConfig, _tlbMisses - _tlbMissBase),
        TegraMc.StatsPtcHit => Counter(TegraMc.PtcConfigBits.StatsEnable, _ptcConfig, _ptc.Hits - _ptcHitBase),
        TegraMc.StatsPtcMiss => Counter(TegraMc.PtcConfigBits.StatsEnable, _ptcConfig, _ptc.Misses - _ptcMissBase),

        // A blocked engine is idle at once.
        TegraMc.HotResetStatus => Held(TegraMc.HotResetControl),
        TegraMc.HotResetStatus1 => Held(TegraMc.HotResetControl1),
        _ => Held(offset),
    };

    private void WriteRegister(uint offset, uint value)
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
                }

                break;
        }
    }

    private void WriteTlbConfig(uint value)
    {
        if ((value & TegraMc.TlbConfigBits.StatsTest) != 0)
        {
            _tlbHitBase = _tlbHits;
            _tlbMissBase = _tlbMisses;
        }

        uint lines = value & _soc.TlbLinesMask;
        _tlbConfig = (value & ~(TegraMc.TlbConfigBits.StatsTest | TegraMc.TlbConfigBits.ActiveLinesMask)) | lines;
        if (!_soc.RoundRobinArbitration)
        {
            _tlbConfig &= ~TegraMc.TlbConfigBits.RoundRobinArbitration;
        }

        // More lines than there are switch the TLB off in effect (Linux commit 11cec15bf3fb).
        _tlb.ActiveLines = lines <= (uint)_tlb.Lines ? (int)lines : 0;
    }

    private void WritePtcConfig(uint value)
    {
        if ((value & TegraMc.PtcConfigBits.StatsTest) != 0)
        {
            _ptcHitBase = _ptc.Hits;
            _ptcMissBase = _ptc.Misses;
        }

        _ptcConfig = value & ~TegraMc.PtcConfigBits.StatsTest;
        _ptc.IsEnabled = (value & TegraMc.PtcConfigBits.CacheEnable) != 0;
        _ptc.IndexMask = value & TegraMc.PtcConfigBits.IndexMapMask;
    }

    private void FlushTlb(TegraTlbFlush command)
    {
        int? asid = command.MatchesAsid ? command.AsidOn(_soc) : null;
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

    private static uint Counter(uint enableBit, uint config, long count) => (config & enableBit) != 0 ? (uint)count : 0;

    /// <summary>Where the registers of a client are.</summary>
    /// <param name="EnableRegister">Offset of its TRANSLATION_ENABLE register.</param>
    /// <param name="EnableMask">Its bit there.</param>
    /// <param name="AsidRegister">Offset of its group's ASID register.</param>
    /// <param name="IsWide">Whether its group sees 34 bits of IOVA.</param>
    private sealed record ClientRoute(uint EnableRegister, uint EnableMask, uint AsidRegister, bool IsWide);
}

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

    private void AddPlainRegisters()
    {
        uint asids = _soc.AsidBits == 7 ? 0x7f7f_7f7fu : 0x3u;
        foreach (var group in _soc.Swgroups)
        {
            _plain[group.AsidRegister] = (0, TegraMc.SwgroupBits.Enable | asids);
        }

        foreach (var client in _soc.Clients)
        {
            if (client.EnableRegister is { } register)
            {
                var (value, writable) = _plain.GetValueOrDefault(register);

                // Firmware has set the bits that software cannot.
                _plain[register] = client.Enable == TegraClientEnable.ReadWrite
                    ? (value, writable | client.EnableMask)
                    : (value | client.EnableMask, writable);
            }
        }

        for (int i = 0; i < (_soc.AsidBits == 7 ? TegraMc.AsidSecurityCount : 1); i++)
        {
            _plain[TegraMc.AsidSecurity(i)] = (0, uint.MaxValue);
        }

        for (int i = 0; i < TegraMc.ClientConfigCount; i++)
        {
            _plain[TegraMc.ClientConfig(i)] = (0, uint.MaxValue);
        }

        foreach (uint offset in (ReadOnlySpan<uint>)[TegraMc.HotResetControl, TegraMc.HotResetControl1, TegraMc.StatsTlbSource])
        {
            _plain[offset] = (0, uint.MaxValue);
        }
    }

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
        TegraMc.HotResetStatus => _plain[TegraMc.HotResetControl].Value,
        TegraMc.HotResetStatus1 => _plain[TegraMc.HotResetControl1].Value,
        _ => _plain.GetValueOrDefault(offset).Value,
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
                if (_plain.TryGetValue(offset, out var register))
                {
                    _plain[offset] = ((register.Value & ~register.Writable) | (value & register.Writable), register.Writable);
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
}
